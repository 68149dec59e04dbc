import { watch } from '../../../linux/poll.ts';
import {
  decodeWaitStatus,
  exitOfPidfd,
  peekExit,
  processStat,
  type WaitStatus,
} from '../../../linux/processes.ts';

export interface WatchedProcess {
  readonly pid: number;
  readonly pidfd: number;
  /** Tells a zombie of this process from a later owner of its pid. */
  readonly startTimeTicks: string;
}

const RETRY_MS = 20;
/** Another process reaps it, or will; systemd takes milliseconds. */
const PATIENCE_MS = 3000;

/**
 * Resolves when the process has ended, with how; undefined when nobody can tell. It is not reaped: the caller
 * first writes down what it learned, so that its own death in between loses nothing.
 */
export function exitOf(process: WatchedProcess): Promise<WaitStatus | undefined> {
  return new Promise((resolve, reject) => {
    const watched = watch(process.pidfd, 'readable', () => {
      watched.close();
      findStatus(process).then(resolve, reject);
    });
  });
}

async function findStatus(process: WatchedProcess): Promise<WaitStatus | undefined> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const status = statusNow(process);
    if (status !== undefined || Date.now() > deadline) return status;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Our own child tells us; another's tells through its pidfd once it is reaped, or as a zombie before. */
function statusNow({ pid, pidfd, startTimeTicks }: WatchedProcess): WaitStatus | undefined {
  const own = peekExit(pidfd);
  if (own !== 'running' && own !== 'not-a-child') return own;
  if (own === 'running') return undefined;
  const reaped = exitOfPidfd(pidfd);
  if (reaped !== undefined) return reaped;
  const stat = processStat(pid);
  const isZombie = stat?.state === 'Z' && stat.startTimeTicks === startTimeTicks;
  return isZombie ? decodeWaitStatus(stat.waitStatus) : undefined;
}
