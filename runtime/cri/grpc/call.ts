import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { http2 } from '../../core/builtin-http.ts';
import { Fail } from '../../core/fail.ts';
import { framed, RequestReader } from './message.ts';
import { trailersOf } from './status.ts';
import { timeoutMs } from './timeout.ts';

/**
 * A method as bytes: the request's message in, those of the answer out. It fails with a `Fail`. `signal` is aborted,
 * with a `Fail` as the reason, when the client has gone or its time is over.
 */
export type Method =
  | { readonly kind: 'unary'; readonly answer: (request: Buffer, signal: AbortSignal) => Promise<Uint8Array> }
  | {
      readonly kind: 'server_streaming';
      readonly answer: (request: Buffer, signal: AbortSignal) => AsyncIterable<Uint8Array>;
    };

export interface CallOptions {
  /** By path: `/runtime.v1.RuntimeService/Version`. */
  readonly methods: ReadonlyMap<string, Method>;
  /** The most bytes that a message may have. */
  readonly maxMessageBytes: number;
}

/**
 * Serves one call, which is one stream of an HTTP/2 connection (grpc/doc/PROTOCOL-HTTP2.md). Never rejects: whatever
 * happens becomes the call's status.
 */
export const serveCall = async (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { methods, maxMessageBytes }: CallOptions,
): Promise<void> => {
  stream.on('error', () => {}); // 'close' follows
  const refusal = httpRefusal(headers);
  if (refusal !== undefined) {
    stream.respond({ ':status': refusal }, { endStream: true });
    return;
  }
  const reply = new Reply(stream);
  try {
    const path = String(headers[':path']);
    const method = methods.get(path);
    if (method === undefined) throw new Fail('Unimplemented', `berthd does not know ${path}`);
    const signal = lifetime(reply, stream, timeoutMs(headers['grpc-timeout'] as string | undefined));
    const request = await messageOf(stream, signal, maxMessageBytes);
    if (method.kind === 'unary') reply.send(await method.answer(request, signal));
    else await sendAll(reply, method.answer(request, signal), signal);
    reply.end(undefined);
  } catch (error) {
    reply.end(error instanceof Fail ? error : new Fail('Internal', String(error), { cause: error }));
  }
};

/** What is no gRPC call at all is answered in terms of HTTP. */
const httpRefusal = (headers: IncomingHttpHeaders): number | undefined => {
  if (headers[':method'] !== 'POST') return 405;
  return /^application\/grpc(\+proto)?($|;)/.test(headers['content-type'] ?? '') ? undefined : 415;
};

/** Aborted when nobody waits for the call any more. The status of a call whose time is over does not wait for the handler. */
const lifetime = (
  reply: Reply,
  stream: ServerHttp2Stream,
  milliseconds = Number.POSITIVE_INFINITY,
): AbortSignal => {
  const controller = new AbortController();
  const began = performance.now();
  const end = (late: boolean): void => {
    const fail = late
      ? new Fail('DeadlineExceeded', "the client's deadline passed")
      : new Fail('Cancelled', 'the client cancelled the call');
    controller.abort(fail);
    reply.end(fail);
  };
  const timer = Number.isFinite(milliseconds) ? setTimeout(end, milliseconds, true) : undefined;
  stream.once('close', () => {
    clearTimeout(timer);
    if (!reply.ended) end(performance.now() - began >= milliseconds * NEARLY);
  });
  return controller.signal;
};

/** A client counts too, began earlier, and hangs up at its deadline: whoever does so just before ours is such a one. */
const NEARLY = 0.8;

const messageOf = (stream: ServerHttp2Stream, signal: AbortSignal, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const reader = new RequestReader(limit);
    stream.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        stream.removeAllListeners('data');
        reject(error);
      }
    });
    stream.on('end', () => {
      try {
        resolve(reader.message());
      } catch (error) {
        reject(error);
      }
    });
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

const sendAll = async (
  reply: Reply,
  messages: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> => {
  // The client may wait for it: from here on it follows what is streamed.
  reply.begin();
  for await (const message of messages) {
    if (signal.aborted) return;
    if (!reply.send(message)) await reply.drained(signal);
  }
};

const HEADERS = { ':status': 200, 'content-type': 'application/grpc+proto' } as const;

/** The answer's side of the stream. After its end, or the client's, everything that comes is for nobody. */
class Reply {
  readonly #stream: ServerHttp2Stream;
  #ended = false;
  #trailers = trailersOf(undefined);

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  /** The call has its status. */
  get ended(): boolean {
    return this.#ended;
  }

  begin(): void {
    const stream = this.#stream;
    if (stream.headersSent || this.#isOver()) return;
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers(this.#trailers));
  }

  /** False: more is waiting than is good, see `drained`. */
  send(message: Uint8Array): boolean {
    this.begin();
    if (this.#isOver()) return true;
    return framed(message)
      .map((piece) => this.#stream.write(piece))
      .every(Boolean);
  }

  drained(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#stream.off('drain', go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      this.#stream.on('drain', go);
      signal.addEventListener('abort', go);
    });
  }

  /** The call's status; the first one counts. */
  end(fail: Fail | undefined): void {
    if (this.#isOver()) return;
    this.#ended = true;
    const stream = this.#stream;
    this.#trailers = trailersOf(fail);
    if (stream.headersSent) stream.end();
    else stream.respond({ ...HEADERS, ...this.#trailers }, { endStream: true });
    // Of a request that is still coming nothing more is wanted.
    if (!stream.readableEnded) stream.close(http2.constants.NGHTTP2_NO_ERROR);
  }

  #isOver(): boolean {
    return this.#ended || this.#stream.closed || this.#stream.destroyed;
  }
}
