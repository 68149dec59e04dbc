import { Fail } from '../../core/fail.ts';
import type { Resize } from '../../shim/protocol/messages.ts';
import { ended } from '../end-stream.ts';
import type { SpdyConnection } from '../spdy/connection.ts';
import type { SpdyStream } from '../spdy/stream.ts';
import type { Remote, StreamRequest } from './remote.ts';
import { ResizeReader } from './resize.ts';
import { encodeOutcome, type Outcome } from './status.ts';

/** Protocols of remotecommand over SPDY. v2 repairs the half-close, v3 adds resize, v4 exit codes. */
export const SPDY_PROTOCOLS = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const;
export type SpdyProtocol = (typeof SPDY_PROTOCOLS)[number];

const STREAM_TYPES = ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const;
type StreamType = (typeof STREAM_TYPES)[number];

/** Streams that a remotecommand client may hold open; it needs five. */
export const MAX_REMOTECOMMAND_STREAMS = 16;

/**
 * Collects the streams that a client opens, one by one, until all are there. A session that began before, and ended,
 * would leave those that come after unanswered: the client waits half a minute for the answer.
 */
export class SpdyRemote implements Remote {
  readonly #connection: SpdyConnection;
  readonly #protocol: SpdyProtocol;
  /** Types of streams that the client has yet to open. */
  readonly #missing: Set<StreamType>;
  readonly #streams = new Map<StreamType, SpdyStream>();
  readonly #complete = Promise.withResolvers<void>();
  #onResize: ((size: Resize) => void) | undefined;
  #lastSize: Resize | undefined;

  constructor(connection: SpdyConnection, protocol: SpdyProtocol, request: StreamRequest) {
    this.#connection = connection;
    this.#protocol = protocol;
    this.#missing = new Set(wantedStreams(protocol, request));
  }

  get stdin() {
    return this.#streams.get('stdin');
  }
  get stdout() {
    return this.#streams.get('stdout');
  }
  get stderr() {
    return this.#streams.get('stderr');
  }
  get signal() {
    return this.#connection.signal;
  }

  /** Takes a new stream by its `streamType` header. One that nobody asked for is ended at once. */
  add(stream: SpdyStream): void {
    const type = STREAM_TYPES.find((known) => known === stream.headers.get('streamtype'));
    if (type === undefined || !this.#missing.delete(type)) {
      stream.resume().end();
      return;
    }
    this.#streams.set(type, stream);
    if (type === 'resize') this.#readSizes(stream);
    else if (type !== 'stdin') stream.resume();
    if (this.#missing.size === 0) this.#complete.resolve();
  }

  /** Resolves when the client has opened every stream it must; rejects when it did not in time, or went away. */
  async whenComplete(timeoutMs: number): Promise<void> {
    const late = setTimeout(() => {
      this.#complete.reject(
        new Fail('DeadlineExceeded', `the client did not open its streams within ${timeoutMs} ms`, {
          context: { missing: [...this.#missing] },
        }),
      );
    }, timeoutMs);
    const left = () => this.#complete.reject(this.signal.reason);
    this.signal.addEventListener('abort', left, { once: true });
    if (this.signal.aborted) left();
    try {
      await this.#complete.promise;
    } finally {
      clearTimeout(late);
      this.signal.removeEventListener('abort', left);
    }
  }

  onResize(listener: (size: Resize) => void): void {
    this.#onResize = listener;
    if (this.#lastSize !== undefined) listener(this.#lastSize);
  }

  async finish(outcome: Outcome): Promise<void> {
    await Promise.all([this.stdout, this.stderr].map((stream) => stream && ended(stream)));
    const error = this.#streams.get('error');
    if (error?.writable) {
      const status = encodeOutcome(outcome, this.#protocol === 'v4.channel.k8s.io' ? 'json' : 'text');
      if (status !== '') error.write(status);
      await ended(error);
    }
    this.#connection.finish();
  }

  /** A client sends the first size with the stream, maybe before the session is there to take it. */
  #readSizes(stream: SpdyStream): void {
    const reader = new ResizeReader();
    stream.on('data', (chunk: Buffer) => {
      const size = reader.read(chunk).at(-1);
      if (size === undefined) return;
      this.#lastSize = size;
      this.#onResize?.(size);
    });
  }
}

const wantedStreams = (protocol: SpdyProtocol, request: StreamRequest): StreamType[] => {
  const resizes = protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io';
  const wanted: Record<StreamType, boolean> = {
    error: true,
    stdin: request.stdin,
    stdout: request.stdout,
    stderr: request.stderr && !request.tty,
    resize: request.resize && resizes,
  };
  return STREAM_TYPES.filter((type) => wanted[type]);
};
