import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { Fail } from '../../../core/fail.ts';
import { makePipe, type Pipe } from '../../../linux/fds.ts';
import type { Methods } from '../../protocol/messages.ts';
import { bareEnvironment, type Child, killGroup, startChild } from './children.ts';
import { FdCapture } from './fd-capture.ts';
import { FdWritable } from './fd-streams.ts';

type Params = Methods['run']['params'];
type PipedRequest = Pick<Params, 'argv' | 'env' | 'cwd' | 'stdin'>;
type Result = Methods['run']['result'];

const DEFAULT_LIMIT = 1024 * 1024;
/** After the program ended, its offspring may hold its output open; what it wrote itself is there at once. */
const LINGER_MS = 500;

/** Runs a program to its end, its output as UTF-8. Timed out: it and its group get SIGKILL. */
export async function run(params: Params): Promise<Result> {
  const { timeoutMs, outputLimitBytes = DEFAULT_LIMIT } = params;
  const { child, input, output, errors } = startPiped(params);
  const out = new FdCapture(output, outputLimitBytes);
  const err = new FdCapture(errors, outputLimitBytes);

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, timeoutMs);
  const status = await child.exited;
  clearTimeout(timer);
  await within(LINGER_MS, Promise.all([out.ended, err.ended]));
  for (const end of [out, err]) end.close();
  input?.destroy();
  return {
    exitCode: status?.exitCode ?? null,
    signal: nameOfSignal(status?.signal),
    timedOut,
    stdout: out.result.bytes.toString(),
    stderr: err.result.bytes.toString(),
    truncated: out.result.truncated || err.result.truncated,
  };
}

export interface PipedChild {
  readonly child: Child;
  /** What still writes `stdin` to it. A program that ends without reading that is no failure. */
  readonly input: FdWritable | undefined;
  /** The reading ends of its output, the caller's to close. */
  readonly output: number;
  readonly errors: number;
}

/** Starts a program with pipes for its output, and for its input when there is `stdin`. Throws `NotFound`. */
export function startPiped({ argv, env = bareEnvironment, cwd, stdin }: PipedRequest): PipedChild {
  const input = stdin === undefined ? undefined : makePipe();
  const [output, errors] = [makePipe(), makePipe()];
  const theirs = [input?.read ?? ('ignore' as const), output.write, errors.write];
  try {
    const child = startChild({ argv, env, ...(cwd === undefined ? {} : { cwd }), stdio: theirs });
    return { child, input: writing(stdin, input), output: output.read, errors: errors.read };
  } catch (cause) {
    for (const fd of [input?.write, output.read, errors.read]) if (fd !== undefined) closeSync(fd);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fail('NotFound', `cannot run ${argv[0]}: ${why}`, { cause });
  } finally {
    for (const fd of theirs) if (fd !== 'ignore') closeSync(fd);
  }
}

const writing = (text: string | undefined, pipe: Pipe | undefined): FdWritable | undefined =>
  pipe && new FdWritable(pipe.write).on('error', () => {}).end(text);

const nameOfSignal = (signal: number | undefined): string | null =>
  signal === undefined
    ? null
    : (Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? String(signal));

/** Waits for `work`, but not longer than that. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
