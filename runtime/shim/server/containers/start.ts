import { existsSync } from 'node:fs';
import { Fail } from '../../../core/fail.ts';
import { realtimeNs } from '../../../linux/clock.ts';
import { runOciRuntime } from '../processes/oci-runtime.ts';
import type { Container } from './container.ts';
import { releaseInit } from './exec-fifo.ts';
import { nameOf } from './record.ts';

const START_TIMEOUT_MS = 120_000;

/** `<runtime> start`, or what it does; the answer is when it was started. Throws `FailedPrecondition` unless it is created. */
export function startContainer(container: Container): Promise<string> {
  return container.exclusively(async () => {
    const { record, folder } = container;
    if (record.startedAtNs !== null || record.exit !== null) {
      throw new Fail('FailedPrecondition', `container ${record.id} was started before or has ended`);
    }
    try {
      // Before there is a runtime: a shim killed while it forks must know that it may have.
      container.update({ starting: true, runtimeProcess: null });
      const { execFifo } = record;
      if (record.task !== undefined) await startTask(container);
      // Where it is not as we know it, the runtime does it, or says why it cannot.
      else if (execFifo === undefined || !existsSync(execFifo)) await callStart(container, folder);
      else await releaseInit(execFifo, container.exited, START_TIMEOUT_MS);
    } catch (error) {
      container.update({ starting: false });
      throw error;
    }
    const startedAtNs = String(notAfter(container.record.exit?.finishedAtNs, realtimeNs()));
    container.update({ starting: false, startedAtNs });
    return startedAtNs;
  });
}

const startTask = async ({ record, task }: Container): Promise<void> => {
  if (task === undefined) throw new Fail('Unavailable', `the shim of container ${record.id} has died`);
  await task.start();
};

const callStart = (container: Container, folder: string): Promise<void> => {
  const { runtime, id } = container.record;
  const onStarted = (pid: number) => container.update({ runtimeProcess: nameOf(pid) });
  return runOciRuntime({
    runtime,
    verb: 'start',
    args: [id],
    folder,
    timeoutMs: START_TIMEOUT_MS,
    onStarted,
  });
};

/** A container may have ended before the runtime's end told us that it had started. */
const notAfter = (finishedAtNs: string | undefined, nowNs: bigint): bigint =>
  finishedAtNs !== undefined && BigInt(finishedAtNs) < nowNs ? BigInt(finishedAtNs) : nowNs;
