import type { SpdyStream } from '../spdy/stream.ts';

/** One forwarded connection: the client's bytes, and a stream for what went wrong. */
export interface StreamPair {
  readonly port: number;
  readonly data: SpdyStream;
  readonly error: SpdyStream;
}

interface HalfPair {
  readonly port: number;
  readonly stream: SpdyStream;
  readonly isData: boolean;
  readonly late: NodeJS.Timeout;
}

/**
 * Joins the data and error streams of a port-forward connection by their `requestid` header. A stream without its
 * other half after `timeoutMs` is told so, if it is the error stream, and ended.
 */
export class StreamPairs {
  readonly #halves = new Map<string, HalfPair>();
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The pair that this stream completes. A stream with headers that make no sense is reset. */
  add(stream: SpdyStream): StreamPair | undefined {
    const port = parsePort(stream.headers.get('port'));
    const type = stream.headers.get('streamtype');
    if (port === undefined || (type !== 'data' && type !== 'error')) {
      stream.destroy();
      return undefined;
    }
    const isData = type === 'data';
    // Clients send nothing on the error stream, but they end it.
    if (!isData) stream.resume();
    const requestId = requestIdOf(stream, isData);
    const half = this.#halves.get(requestId);
    if (half === undefined) {
      this.#wait(requestId, { port, stream, isData });
      return undefined;
    }
    if (half.isData === isData || half.port !== port) {
      stream.destroy();
      return undefined;
    }
    this.#forget(requestId, half);
    const [data, error] = isData ? [stream, half.stream] : [half.stream, stream];
    return { port, data, error };
  }

  #wait(requestId: string, half: Omit<HalfPair, 'late'>): void {
    const late = setTimeout(() => {
      this.#forget(requestId, waiting);
      if (!half.isData) half.stream.end(`no data stream came within ${this.#timeoutMs} ms`);
      else half.stream.destroy();
    }, this.#timeoutMs);
    const waiting = { ...half, late };
    this.#halves.set(requestId, waiting);
    half.stream.once('close', () => this.#forget(requestId, waiting));
  }

  #forget(requestId: string, half: HalfPair): void {
    clearTimeout(half.late);
    if (this.#halves.get(requestId) === half) this.#halves.delete(requestId);
  }
}

/**
 * Clients from before the header open the error stream first and the data stream right after it, two ids later.
 */
const requestIdOf = (stream: SpdyStream, isData: boolean): string =>
  stream.headers.get('requestid') ?? `stream ${isData ? stream.id - 2 : stream.id}`;

export const parsePort = (text: string | undefined): number | undefined => {
  if (text === undefined || !/^[0-9]{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : undefined;
};
