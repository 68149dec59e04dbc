import { release } from 'node:os';
import { type ExitEvents, listenForExits } from '../../../linux/exit-events.ts';
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
  follow(process);
  return new Promise((resolve, reject) => {
    const watched = watch(process.pidfd, 'readable', () => {
      watched.close();
      findStatus(process)
        .finally(() => unfollow(process.pid))
        .then(resolve, reject);
    });
  });
}

/** Open while there is somebody else's child to follow. */
let events: ExitEvents | undefined;

/** Before Linux 6.15 a pidfd tells nothing about the end of a container that an earlier shim started. */
const pidfdsTell = (): boolean => {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 15);
};

function follow({ pid, pidfd }: WatchedProcess): void {
  if (pidfdsTell() || peekExit(pidfd) !== 'not-a-child') return;
  events ??= listenForExits();
  events?.follow(pid);
}

function unfollow(pid: number): void {
  if (events?.forget(pid) !== 0) return;
  events.close();
  events = undefined;
}

async function findStatus(process: WatchedProcess): Promise<WaitStatus | undefined> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const status = statusNow(process);
    if (status !== undefined || Date.now() > deadline) return status;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Our own child tells us; another's tells through its pidfd once it is reaped, or as a zombie, or by its event. */
function statusNow({ pid, pidfd, startTimeTicks }: WatchedProcess): WaitStatus | undefined {
  const own = peekExit(pidfd);
  if (own !== 'running' && own !== 'not-a-child') return own;
  if (own === 'running') return undefined;
  const reaped = exitOfPidfd(pidfd) ?? events?.endOf(pid);
  if (reaped !== undefined) return reaped;
  const stat = processStat(pid);
  const isZombie = stat?.state === 'Z' && stat.startTimeTicks === startTimeTicks;
  return isZombie ? decodeWaitStatus(stat.waitStatus) : undefined;
}
