import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Fail } from '../../core/fail.ts';
import { type FailMessage, fromMessage, toMessage } from '../protocol.ts';
import { Registry, type RegistrySeed } from '../registry/registry.ts';
import type { LayerContents } from './extract.ts';
import { type LayerJob, type StageOptions, stageLayer } from './stage-layer.ts';

export interface LanesOptions extends StageOptions {
  readonly registry: Registry;
  /** Layers worked on at the same time: this thread, and a worker for each more. */
  readonly lanes: number;
  /** The program whose worker threads call `serveLane`. */
  readonly entry: URL;
  readonly onStaged: (job: LayerJob, contents: LayerContents) => void;
}

/** What a lane says: bytes that came, or how its job ended. */
type Answer =
  | { readonly bytes: number }
  | { readonly contents: LayerContents }
  | { readonly failed: FailMessage };

interface Lane {
  stage(job: LayerJob, options: StageOptions): Promise<LayerContents>;
  close(): Promise<unknown>;
}

/** Stages all layers, large ones first. The first failure ends the others. */
export const stageLayers = async (jobs: readonly LayerJob[], options: LanesOptions): Promise<void> => {
  const waiting = [...jobs].sort((a, b) => b.blob.size - a.blob.size);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const lanes = openLanes(Math.min(options.lanes, waiting.length), options);
  const drive = async (lane: Lane): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      signal.throwIfAborted();
      options.onStaged(job, await lane.stage(job, { signal, onBytes: options.onBytes }));
    }
  };
  const runs = lanes.map((lane) =>
    drive(lane).catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  try {
    await Promise.all(runs);
  } finally {
    await Promise.allSettled(runs);
    await Promise.all(lanes.map((lane) => lane.close()));
  }
};

const openLanes = (count: number, options: LanesOptions): readonly Lane[] =>
  Array.from({ length: count }, (_, index) =>
    index === 0 ? ownLane(options.registry) : workerLane(options.entry, options.registry.seed()),
  );

const ownLane = (registry: Registry): Lane => ({
  stage: (job, options) => stageLayer(registry, job, options),
  close: async () => {},
});

const workerLane = (entry: URL, seed: RegistrySeed): Lane => {
  const worker = new Worker(entry, { workerData: seed });
  return {
    stage: (job, options) => askWorker(worker, job, options),
    close: () => worker.terminate(),
  };
};

const askWorker = async (
  worker: Worker,
  job: LayerJob,
  { signal, onBytes }: StageOptions,
): Promise<LayerContents> => {
  const answers = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<LayerContents>();
  const onAnswer = (answer: Answer): void => {
    if ('bytes' in answer) onBytes(answer.bytes);
    else if ('contents' in answer) resolve(answer.contents);
    else reject(fromMessage(answer.failed));
  };
  const onExit = (code: number): void =>
    reject(new Fail('Internal', `the thread that unpacks layer ${job.blob.digest} ended with code ${code}`));
  worker.on('message', onAnswer).on('error', reject).on('exit', onExit);
  signal.addEventListener('abort', () => reject(signal.reason), { signal: answers.signal });
  worker.postMessage(job);
  try {
    return await promise;
  } finally {
    answers.abort();
    worker.off('message', onAnswer).off('error', reject).off('exit', onExit);
  }
};

/** The other end, in a worker thread: one job at a time. It ends by being terminated, in the middle of a job too. */
export const serveLane = (): void => {
  const port = parentPort;
  if (port === null) throw new Fail('Internal', 'serveLane runs in worker threads only');
  const say = (answer: Answer): void => port.postMessage(answer);
  const seed: RegistrySeed = workerData;
  const registry = new Registry(seed);
  const never = new AbortController().signal;
  port.on('message', (job: LayerJob) => {
    stageLayer(registry, job, { signal: never, onBytes: (bytes) => say({ bytes }) }).then(
      (contents) => say({ contents }),
      (error: unknown) => say({ failed: toMessage(error) }),
    );
  });
};
