import { realtimeNs } from '../linux/clock.ts';
import type { Log } from '../observe/log.ts';
import type { ContainerExit } from '../shim/protocol/messages.ts';
import type { Containers } from './record.ts';

/** Exits as the shim reports them: written to the records, and told to whoever waits. */
export interface Exits {
  /**
   * The first report counts; later ones of the same container change nothing. `startedAtNs` when it is known: a
   * container may end before its start is answered.
   */
  record(id: string, exit: ContainerExit, startedAtNs?: bigint | null): void;
  /** True as soon as the container has ended or is gone, false when the signal is aborted before that. */
  wait(id: string, signal: AbortSignal): Promise<boolean>;
}

const RETRY_MS = 1000;

/** The end of a container that nobody saw: what it returned is lost. */
export const unknownExit = (): ContainerExit => ({
  exitCode: 255,
  finishedAtNs: realtimeNs().toString(),
  oomKilled: false,
  reason: 'Unknown',
});

export const createExits = (containers: Containers, log: Log): Exits => {
  const waiters = new Map<string, Set<() => void>>();
  const record: Exits['record'] = (id, exit, startedAtNs = null) => {
    if (containers.get(id)?.exit === null && !written(id, exit, startedAtNs)) return;
    for (const tell of waiters.get(id) ?? []) tell();
    waiters.delete(id);
  };
  /** On a full tmpfs it is tried again: the shim tells an exit once on each connection. */
  const written = (id: string, exit: ContainerExit, startedAtNs: bigint | null): boolean => {
    try {
      containers.update(id, (before) => ({
        ...before,
        exit,
        startedAtNs: before.startedAtNs ?? startedAtNs,
      }));
      log.info('container ended', { container: id, exitCode: exit.exitCode, reason: exit.reason });
      return true;
    } catch (error) {
      log.error('cannot record an exit; trying again', { container: id, error });
      setTimeout(() => record(id, exit, startedAtNs), RETRY_MS).unref();
      return false;
    }
  };
  return {
    record,
    wait: (id, signal) => {
      if (containers.get(id)?.exit !== null) return Promise.resolve(true);
      if (signal.aborted) return Promise.resolve(false);
      return new Promise((resolve) => {
        const waiting = waiters.get(id) ?? new Set();
        waiters.set(id, waiting);
        const ended = () => {
          signal.removeEventListener('abort', abandoned);
          resolve(true);
        };
        const abandoned = () => {
          waiting.delete(ended);
          resolve(false);
        };
        waiting.add(ended);
        signal.addEventListener('abort', abandoned, { once: true });
      });
    },
  };
};
