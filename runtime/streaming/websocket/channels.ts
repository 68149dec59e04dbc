import { Duplex, Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { Fail } from '../../core/fail.ts';
import { Channel, type ChannelProtocol, decodeMessage, encodeMessage } from './channel-protocol.ts';

export interface ChannelsOptions {
  /** Without a message in either direction for so long, the connection ends. 0: never. */
  readonly idleTimeoutMs: number;
  /** While a slow consumer keeps us from reading, the client hears from us so often. */
  readonly probeIntervalMs?: number | undefined;
}

const PROBE_INTERVAL_MS = 1_000;
const BUFFERED_BYTES = 256 * 1024;
const NORMAL_CLOSURE = 1000;

/** The channels of one WebSocket as streams, with back-pressure both ways. */
export class Channels {
  readonly #webSocket: WebSocket;
  readonly #protocol: ChannelProtocol;
  readonly #options: ChannelsOptions;
  readonly #inputs = new Map<number, Readable>();
  /** Channels whose reader is slow: while there is one, nothing is read for any. */
  readonly #full = new Set<number>();
  readonly #gone = new AbortController();
  readonly #idle: NodeJS.Timeout | undefined;
  #probe: NodeJS.Timeout | undefined;
  /** Resolves when the connection is closed. Never rejects: `failure` has the reason. */
  readonly closed: Promise<void>;
  /** Why the connection ended, when it was not a proper good-bye. */
  failure: Error | undefined;

  constructor(webSocket: WebSocket, protocol: ChannelProtocol, options: ChannelsOptions) {
    this.#webSocket = webSocket;
    this.#protocol = protocol;
    this.#options = options;
    if (options.idleTimeoutMs > 0) {
      this.#idle = setTimeout(() => this.#endIdle(options.idleTimeoutMs), options.idleTimeoutMs);
    }
    this.closed = new Promise((resolve) => {
      webSocket.once('close', () => {
        this.#release();
        resolve();
      });
    });
    webSocket.on('error', (cause) => {
      this.failure ??= new Fail('InvalidArgument', `WebSocket: ${cause.message}`, { cause });
    });
    webSocket.on('message', (data) => this.#receive(decodeMessage(protocol, data)));
  }

  /** Aborted as soon as the client has gone away or the connection has ended. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** What the client sends on the channel. To be asked for before the first message can come. */
  input(channel: number): Readable {
    const input = new Readable({
      highWaterMark: BUFFERED_BYTES,
      read: () => this.#hasRoom(channel),
      destroy: (error, done) => this.#dropInput(channel, error, done),
    });
    // Whoever reads learns of the end by 'close'; without a listener an error would end the daemon.
    input.on('error', () => {});
    this.#inputs.set(channel, input);
    return input;
  }

  /** What we send on the channel. Its end is not told to the client: no version of the protocol has a word for it. */
  output(channel: number): Writable {
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => this.#send(channel, chunk, done),
    });
    output.on('error', () => {});
    return output;
  }

  /** Both directions of a channel. When ours ends so does the client's, for which it has no word. */
  duplex(channel: number): Duplex {
    const duplex: Duplex = new Duplex({
      readableHighWaterMark: BUFFERED_BYTES,
      read: () => this.#hasRoom(channel),
      write: (chunk: Buffer, _encoding, done) => this.#send(channel, chunk, done),
      final: (done) => {
        this.#endInput(channel);
        done();
      },
      destroy: (error, done) => this.#dropInput(channel, error, done),
    });
    duplex.on('error', () => {});
    this.#inputs.set(channel, duplex);
    return duplex;
  }

  /** Says good-bye; the connection closes when the client has answered, or did not in time. */
  finish(): void {
    this.#webSocket.close(NORMAL_CLOSURE);
    for (const input of [...this.#inputs.values()]) input.destroy();
  }

  #send(channel: number, payload: Buffer, done: (error?: Error | null) => void): void {
    this.#idle?.refresh();
    this.#webSocket.send(encodeMessage(this.#protocol, channel, payload), done);
  }

  #receive(message: { readonly channel: number; readonly payload: Buffer } | undefined): void {
    this.#idle?.refresh();
    if (message === undefined) return;
    if (this.#protocol.halfClose && message.channel === Channel.close) {
      this.#endInput(message.payload[0]);
      return;
    }
    const input = this.#inputs.get(message.channel);
    if (input === undefined || message.payload.length === 0 || input.push(message.payload)) return;
    this.#full.add(message.channel);
    this.#pause();
  }

  #endInput(channel: number | undefined): void {
    const input = channel === undefined ? undefined : this.#inputs.get(channel);
    if (channel === undefined || input === undefined) return;
    this.#inputs.delete(channel);
    input.push(null);
    // It grows no more, and its reader will not ask for more.
    this.#hasRoom(channel);
  }

  /** Nobody reads the channel any more: what still comes on it goes nowhere. */
  #dropInput(channel: number, error: Error | null, done: (error: Error | null) => void): void {
    this.#inputs.delete(channel);
    this.#hasRoom(channel);
    done(error);
  }

  /**
   * While we do not read, the client's pings go unanswered, and after a minute of that Kubernetes clients give up;
   * nor does the kernel tell us that the client died. A pong that nobody asked for helps with both.
   */
  #pause(): void {
    this.#webSocket.pause();
    this.#probe ??= setInterval(
      () => this.#webSocket.pong(),
      this.#options.probeIntervalMs ?? PROBE_INTERVAL_MS,
    );
  }

  #hasRoom(channel: number): void {
    if (this.#full.delete(channel) && this.#full.size === 0) this.#resume();
  }

  #resume(): void {
    clearInterval(this.#probe);
    this.#probe = undefined;
    this.#webSocket.resume();
  }

  #endIdle(milliseconds: number): void {
    this.failure ??= new Fail('DeadlineExceeded', `nothing was sent or received for ${milliseconds} ms`);
    this.#gone.abort(this.failure);
    this.finish();
  }

  #release(): void {
    clearTimeout(this.#idle);
    clearInterval(this.#probe);
    this.#gone.abort(this.failure ?? new Fail('Cancelled', 'the client has gone away'));
    for (const input of [...this.#inputs.values()]) input.destroy();
  }
}
