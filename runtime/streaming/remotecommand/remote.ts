import type { Readable, Writable } from 'node:stream';
import type { Resize } from '../../shim/protocol/messages.ts';
import type { Outcome } from './status.ts';

/** Which streams the CRI request asked for. */
export interface StreamRequest {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** The process has a terminal. */
  readonly tty: boolean;
  /** The client has one and tells its sizes: who attaches to a terminal may have none. */
  readonly resize: boolean;
}

/** The client of an exec or attach, whatever it speaks. */
export interface Remote {
  /** Ends when the client closes its stdin; destroy it when nobody reads it any more. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Aborted when the client has gone away. */
  readonly signal: AbortSignal;
  onResize(listener: (size: Resize) => void): void;
  /** Tells the outcome, the last thing that the client hears; resolves when it was written. */
  finish(outcome: Outcome): Promise<void>;
}
