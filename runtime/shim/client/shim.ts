import type { Readable, Writable } from 'node:stream';
import type { Events, Methods, Resize } from '../protocol/messages.ts';

/**
 * berth-shim as berthd sees it. Every call takes a signal: aborted, the call rejects with `Cancelled`
 * (the work itself may still complete in the shim). While the shim is away, calls wait for its return up to
 * `reconnectMs`, then reject with `Unavailable`; a call that was in flight when the connection broke rejects
 * with `Unavailable` at once, since nobody can know how far it got.
 */
export interface Shim {
  call<M extends keyof Methods>(
    method: M,
    params: Methods[M]['params'],
    signal: AbortSignal,
  ): Promise<Methods[M]['result']>;
  /** Connects the streams of an exec or attach session. */
  openSession(token: string, signal: AbortSignal): Promise<Session>;
  /** Called for each event; exits that happened while berthd was away come first. */
  on<E extends keyof Events>(event: E, listener: (params: Events[E]) => void): void;
  /** Called after each (re)connection, so that the daemon can compare its records with `list`. */
  onConnected(listener: () => void): void;
  close(): Promise<void>;
}

/** The streams of one exec or attach. Back-pressure works in both directions. */
export interface Session {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  resize(size: Resize): void;
  /** Exec: the exit code. Attach: 0 when the container ended. Rejects with `Unavailable` when the shim went away. */
  readonly exited: Promise<{ readonly exitCode: number }>;
  /** Ends the session; an exec process whose session is destroyed gets SIGKILL, an attached container goes on. */
  destroy(): void;
}
