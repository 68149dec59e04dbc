import type { Readable, Writable } from 'node:stream';

/** Output of a finished remote command. `exitCode` is undefined when a signal ended it. */
export interface ExecResult {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command ended. `exitCode` is undefined when a signal ended it. */
export interface Exit {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

/** A remote command that is running, with its streams. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the command ended; rejects with Fail `ConnectionLost` when the connection dropped first. */
  readonly exited: Promise<Exit>;
}

export interface ConnectionStats {
  /** Round trips by our count: connection set-up, channel opens, requests that waited for an answer. */
  readonly roundTrips: number;
  readonly channels: number;
  /** The most channels that were open at the same time. */
  readonly mostChannels: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Its standard input. */
  readonly input?: string | Buffer;
  /** Told of each piece of standard output as it comes. */
  readonly onOutput?: (chunk: Buffer) => void;
}

/** One host as we reach it. Everything runs as root: the transport adds sudo where the login user is not. */
export interface Connection {
  /** The profile's name of the host. */
  readonly host: string;
  /** For messages, e.g. `ops@192.0.2.10:22`. */
  readonly address: string;
  /** Runs `script` with POSIX sh to its end. An exit code other than 0 is a result, not an error. */
  sh(script: string, options: RunOptions): Promise<ExecResult>;
  /** Starts `script` with POSIX sh and hands over its streams. */
  spawn(script: string, options: { readonly signal: AbortSignal }): Promise<RemoteProcess>;
  /** Makes `127.0.0.1:port` of the host lead to `127.0.0.1:localPort` of this machine, until closed. */
  forwardToLocal(port: number, localPort: number): Promise<{ close(): Promise<void> }>;
  /**
   * Hands this process's terminal over: `command`, for POSIX sh, runs with a terminal of its own on the host, as the
   * login user and without sudo; the size follows. Settles when it ended.
   */
  interact(command: string, options: { readonly signal: AbortSignal }): Promise<Exit>;
  stats(): ConnectionStats;
  close(): Promise<void>;
}
