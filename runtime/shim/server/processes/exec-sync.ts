import { failedWith } from '../../../core/fail.ts';
import { exitCodeOf } from '../../../linux/processes.ts';
import type { Methods } from '../../protocol/messages.ts';
import type { Container } from '../containers/container.ts';
import { startExec } from './exec.ts';
import type { ExecProcess } from './exec-process.ts';
import { FdCapture } from './fd-capture.ts';
import { within } from './run.ts';

type Params = Methods['exec']['params'];
type Result = Methods['exec']['result'];

/** For the runtime alone, when the caller sets no limit. */
const START_TIMEOUT_MS = 120_000;
/** The process has ended; offspring that holds its output open gets this long, what it wrote itself is there. */
const LINGER_MS = 500;
const KILLED = 137;

/** CRI's ExecSync: a process in the container, run to its end within `timeoutMs`, or until nobody waits any more. */
export async function execSync(
  container: Container,
  params: Params,
  consoles: string,
  unwanted: AbortSignal,
): Promise<Result> {
  const { timeoutMs, process, outputLimitBytes } = params;
  const began = performance.now();
  const request = { process, stdin: false, consoles, timeoutMs: timeoutMs || START_TIMEOUT_MS };
  try {
    const exec = await startExec(container, request);
    const left = timeoutMs === 0 ? undefined : Math.max(0, timeoutMs - (performance.now() - began));
    return await untilEnd(exec, outputLimitBytes, left, unwanted);
  } catch (error) {
    if (timeoutMs === 0 || !failedWith(error, 'DeadlineExceeded')) throw error;
    return { exitCode: KILLED, stdout: '', stderr: '', timedOut: true, truncated: false };
  }
}

async function untilEnd(
  exec: ExecProcess,
  limit: number,
  leftMs: number | undefined,
  unwanted: AbortSignal,
): Promise<Result> {
  if (unwanted.aborted) exec.kill();
  unwanted.addEventListener('abort', () => exec.kill(), { once: true });
  const out = new FdCapture(exec.stdout, limit);
  const err = exec.stderr === undefined ? undefined : new FdCapture(exec.stderr, limit);
  let timedOut = false;
  const timer =
    leftMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          exec.kill();
        }, leftMs);
  const status = await exec.exited;
  clearTimeout(timer);
  await within(LINGER_MS, Promise.all([out.ended, err?.ended]));
  out.close();
  err?.close();
  return {
    exitCode: status === undefined ? 255 : exitCodeOf(status),
    stdout: out.result.bytes.toString('base64'),
    stderr: err?.result.bytes.toString('base64') ?? '',
    timedOut,
    truncated: out.result.truncated || (err?.result.truncated ?? false),
  };
}
