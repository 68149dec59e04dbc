import { Fail } from '../../../core/fail.ts';
import type { Methods } from '../../protocol/messages.ts';
import { Capture } from './capture.ts';
import { bareEnvironment, killGroup, startChild } from './children.ts';

type Params = Methods['run']['params'];
type Result = Methods['run']['result'];

const DEFAULT_LIMIT = 1024 * 1024;
/** After the program ended, its offspring may hold its output open; what it wrote itself is there at once. */
const LINGER_MS = 500;

/** Runs a program to its end, its output as UTF-8. Timed out: it and its group get SIGKILL. */
export async function run({ argv, env, cwd, stdin, timeoutMs, outputLimitBytes }: Params): Promise<Result> {
  const child = startChild({
    argv,
    env: env ?? bareEnvironment,
    ...(cwd === undefined ? {} : { cwd }),
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const { pid, stdout, stderr } = child;
  if (pid === undefined || stdout === null || stderr === null) throw await notStarted(child, argv);
  const out = new Capture(stdout, outputLimitBytes ?? DEFAULT_LIMIT);
  const err = new Capture(stderr, outputLimitBytes ?? DEFAULT_LIMIT);
  // A program that ends without reading its input is no failure (EPIPE).
  child.stdin?.on('error', () => {});
  child.stdin?.end(stdin);

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(pid);
  }, timeoutMs);
  const { exitCode, signal } = await exited(child);
  clearTimeout(timer);
  await within(LINGER_MS, Promise.all([out.ended, err.ended]));
  stdout.destroy();
  stderr.destroy();
  return {
    exitCode,
    signal,
    timedOut,
    stdout: out.result.bytes.toString(),
    stderr: err.result.bytes.toString(),
    truncated: out.result.truncated || err.result.truncated,
  };
}

type Child = ReturnType<typeof startChild>;

const notStarted = (child: Child, argv: readonly string[]): Promise<Fail> =>
  new Promise((resolve) => {
    child.once('error', (cause) => {
      resolve(new Fail('NotFound', `cannot run ${argv[0]}: ${cause.message}`, { cause }));
    });
  });

const exited = (child: Child): Promise<{ exitCode: number | null; signal: string | null }> =>
  new Promise((resolve) => child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })));

/** Waits for `work`, but not longer than that. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
