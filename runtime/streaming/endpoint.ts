import type { Log } from '../observe/log.ts';
import type { Session } from '../shim/client/shim.ts';
import type { Dial } from './portforward/forward.ts';
import type { StreamRequest } from './remotecommand/remote.ts';

export type OpenSession = (signal: AbortSignal) => Promise<Session>;

export interface SessionEndpoint {
  readonly kind: 'exec' | 'attach';
  readonly streams: StreamRequest;
  readonly open: OpenSession;
}

export interface PortForwardEndpoint {
  readonly kind: 'portforward';
  readonly dial: Dial;
  /** The ports for clients that cannot name one with each connection. */
  readonly ports: readonly number[];
}

/** What waits behind a URL. */
export type Endpoint = SessionEndpoint | PortForwardEndpoint;

/** What every connection is held to. */
export interface ServeOptions {
  /** A connection on which nothing moves for so long is ended. 0: never. */
  readonly idleTimeoutMs: number;
  /** How long a client may take to open all streams of its request. */
  readonly creationTimeoutMs: number;
  /**
   * While a process does not read its stdin we do not read from its client, and would not learn of its death: so
   * often it is sent something that means nothing. Default: 1 s.
   */
  readonly probeIntervalMs?: number;
  readonly log: Log;
}
