import { closeSync } from 'node:fs';
import { childrenOfSelf, openPidfd, processStat, reap, type WaitStatus } from '../../../linux/processes.ts';
import { type SpawnRequest, spawnProcess } from '../../../linux/spawn.ts';
import { exitOf } from './exit.ts';

/** A pid that somebody in this process waits for. */
const awaited = new Set<number>();

/** What a runtime, plugin or hook gets when nobody says otherwise: never this process's own environment. */
export const bareEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
};

export interface Child {
  readonly pid: number;
  /** It has been reaped; undefined when somebody else was faster. */
  readonly exited: Promise<WaitStatus | undefined>;
}

/**
 * Starts a child that leads a session and process group of its own, so that `killGroup` ends its offspring too.
 * Throws what exec(2) says. The descriptors of its stdio stay the caller's.
 */
export function startChild(request: SpawnRequest): Child {
  const pid = spawnProcess(request);
  expectExit(pid);
  const pidfd = openPidfd(pid);
  // The start time tells zombies of others apart; our own child is asked by its pidfd.
  const exited = exitOf({ pid, pidfd, startTimeTicks: '' }).finally(() => {
    collect(pid);
    closeSync(pidfd);
  });
  exited.catch(() => {}); // whoever failed before it waited has told why
  return { pid, exited };
}

/** SIGKILL for the child and the processes of its group. Not an error when they have ended. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Registers a process that came to us as an orphan and whose exit somebody will collect. */
export function expectExit(pid: number): void {
  awaited.add(pid);
}

/** Collects it: the process is gone from the kernel's table. */
export function collect(pid: number): void {
  reap(pid);
  awaited.delete(pid);
}

const SWEEP_MS = 10_000;

/**
 * Reaps orphans that nobody waits for (what a container with the host's processes leaves behind). One that is
 * unknown in two sweeps only: a process just adopted may become awaited a moment later. Returns the stop.
 */
export function sweepOrphans(): () => void {
  let suspects = new Set<number>();
  const sweep = () => {
    const zombies = childrenOfSelf().filter((pid) => !awaited.has(pid) && processStat(pid)?.state === 'Z');
    for (const pid of zombies.filter((zombie) => suspects.has(zombie))) reap(pid);
    suspects = new Set(zombies);
  };
  const timer = setInterval(sweep, SWEEP_MS);
  timer.unref();
  return () => clearInterval(timer);
}
