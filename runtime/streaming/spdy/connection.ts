import type { Duplex } from 'node:stream';
import { Fail, failedWith } from '../../core/fail.ts';
import { FrameReader } from './frame-reader.ts';
import {
  dataFrameHeader,
  type Frame,
  GoAwayStatus,
  goAwayFrame,
  MAX_SENT_DATA_BYTES,
  pingFrame,
  ResetStatus,
  rstStreamFrame,
  synReplyFrame,
} from './frames.ts';
import { EmptyHeaderBlocks, HeaderInflater } from './headers.ts';
import { SpdyStream, type StreamLink } from './stream.ts';

export interface SpdyConnectionOptions {
  /** A stream that was answered and is open. It must be consumed, ended or destroyed. */
  readonly onStream: (stream: SpdyStream) => void;
  /** Streams open at one time; the ones beyond are refused. */
  readonly maxStreams: number;
  /** Without a frame in either direction for so long, the connection ends. 0: never. */
  readonly idleTimeoutMs: number;
  /** While a slow consumer keeps us from reading, the client is probed so often. Default: 1 s. */
  readonly probeIntervalMs?: number | undefined;
  /** How long a client may take to hang up after `finish`. */
  readonly lingerMs?: number;
}

const PROBE_INTERVAL_MS = 1_000;
const LINGER_MS = 30_000;
const MAX_UNSENT_CONTROL_BYTES = 256 * 1024;

/**
 * The server's side of a SPDY/3.1 connection as Kubernetes clients speak it. They neither send nor heed
 * WINDOW_UPDATE: the only flow control is that of TCP. So a stream whose consumer is slow stops the reading of
 * the whole connection once its buffer is full, and a slow client stops our writing; SETTINGS and WINDOW_UPDATE
 * are checked for their form and ignored. The client alone opens streams. Input that breaks the protocol ends
 * the connection with GOAWAY and nothing else.
 */
export class SpdyConnection implements StreamLink {
  readonly #socket: Duplex;
  readonly #options: SpdyConnectionOptions;
  readonly #reader = new FrameReader();
  readonly #inflater = new HeaderInflater();
  readonly #replyHeaders = new EmptyHeaderBlocks();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #gone = new AbortController();
  readonly #idle: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  #lastStreamId = 0;
  #unsentControlBytes = 0;
  #finishing = false;
  /** Resolves when the socket is closed and every stream destroyed. Never rejects: `failure` has the reason. */
  readonly closed: Promise<void>;
  /** Why the connection ended, when it was not the client's or our own good-bye. */
  failure: Error | undefined;

  constructor(socket: Duplex, options: SpdyConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    if (options.idleTimeoutMs > 0) {
      this.#idle = setTimeout(
        () => this.#fail(idleFor(options.idleTimeoutMs), GoAwayStatus.ok),
        options.idleTimeoutMs,
      );
    }
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#release();
        resolve();
      });
    });
    socket.on('error', (error) => this.destroy(brokenOff(error)));
    void this.#run();
  }

  /** Aborted as soon as the client has gone away or the connection has ended. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Says good-bye once all that was written has left: resets what is still open, GOAWAY, end. */
  finish(): void {
    if (this.#finishing || this.#socket.destroyed) return;
    this.#finishing = true;
    for (const stream of [...this.#streams.values()]) stream.destroy();
    this.#send(goAwayFrame(this.#lastStreamId, GoAwayStatus.ok));
    this.#hangUp();
  }

  /** Ends the connection at once. */
  destroy(reason?: Error): void {
    if (!this.#finishing) this.failure ??= reason;
    this.#socket.destroy();
  }

  sendData(streamId: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) {
      done(new Fail('Cancelled', 'the client has gone away'));
      return;
    }
    this.#idle?.refresh();
    this.#socket.cork();
    let rest = data;
    while (rest.length > MAX_SENT_DATA_BYTES) {
      this.#socket.write(dataFrameHeader(streamId, MAX_SENT_DATA_BYTES, false));
      this.#socket.write(rest.subarray(0, MAX_SENT_DATA_BYTES));
      rest = rest.subarray(MAX_SENT_DATA_BYTES);
    }
    const header = dataFrameHeader(streamId, rest.length, fin);
    if (rest.length === 0) {
      this.#socket.write(header, done);
    } else {
      this.#socket.write(header);
      this.#socket.write(rest, done);
    }
    this.#socket.uncork();
  }

  forget(stream: SpdyStream, reset: boolean): void {
    if (!this.#streams.delete(stream.id) || !reset) return;
    // At the good-bye, GOAWAY says it for the streams that we ended already.
    if (!this.#finishing || !stream.writableFinished)
      this.#send(rstStreamFrame(stream.id, ResetStatus.cancel));
  }

  /** Reads until the client ends or the socket is closed. */
  async #run(): Promise<void> {
    try {
      for await (const chunk of this.#socket) {
        this.#idle?.refresh();
        // After a failure we read on without looking: a close with unread input would undo our good-bye.
        if (this.failure === undefined) await this.#takeAll(chunk);
      }
      this.destroy();
    } catch (error) {
      this.destroy(brokenOff(error));
    }
  }

  /** Corks the socket, so that what many small frames provoke leaves in one write. */
  async #takeAll(chunk: Buffer): Promise<void> {
    this.#socket.cork();
    try {
      for (const frame of this.#reader.read(chunk)) {
        const busy = this.#take(frame);
        if (busy === undefined) continue;
        this.#socket.uncork();
        await busy.finally(() => this.#socket.cork());
      }
    } catch (error) {
      if (failedWith(error, 'InvalidArgument')) this.#fail(error, GoAwayStatus.protocolError);
      else
        this.#fail(
          new Fail('Internal', 'a SPDY connection broke', { cause: error }),
          GoAwayStatus.internalError,
        );
    } finally {
      this.#socket.uncork();
    }
  }

  #take(frame: Frame): Promise<void> | undefined {
    switch (frame.kind) {
      case 'data':
        return this.#takeData(frame.streamId, frame.data, frame.fin);
      case 'syn-stream':
        return this.#takeSynStream(frame.streamId, frame.fin, frame.headerBlock);
      case 'headers':
        return this.#takeHeaders(frame.streamId, frame.fin, frame.headerBlock);
      case 'syn-reply':
        throw new Fail(
          'InvalidArgument',
          `SPDY: the client replied to stream ${frame.streamId}, which nobody opened`,
        );
      case 'rst-stream':
        this.#streams.get(frame.streamId)?.receiveReset();
        return undefined;
      case 'ping':
        // Ours would be even; we send none.
        if (frame.id % 2 === 1) this.#send(pingFrame(frame.id));
        return undefined;
      case 'go-away':
        // The client opens no more streams; the ones that are open may go on until it hangs up.
        return undefined;
      case 'advice':
        return undefined;
    }
  }

  #takeData(streamId: number, data: Buffer, fin: boolean): Promise<void> | undefined {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      const room = stream.receive(data, fin);
      return room === undefined ? undefined : this.#probeUntil(room);
    }
    if (streamId > this.#lastStreamId || streamId % 2 === 0) {
      throw new Fail(
        'InvalidArgument',
        `SPDY: the client sent data for stream ${streamId}, which it never opened`,
      );
    }
    // A stream that ended here while these bytes were on their way.
    return undefined;
  }

  async #takeSynStream(streamId: number, fin: boolean, headerBlock: Buffer): Promise<void> {
    const headers = await this.#inflater.next(headerBlock);
    if (streamId % 2 === 0 || streamId <= this.#lastStreamId) {
      throw new Fail(
        'InvalidArgument',
        `SPDY: the client opened stream ${streamId} after ${this.#lastStreamId}`,
      );
    }
    this.#lastStreamId = streamId;
    if (this.#finishing || this.#streams.size >= this.#options.maxStreams) {
      this.#send(rstStreamFrame(streamId, ResetStatus.refusedStream));
      return;
    }
    const stream = new SpdyStream(streamId, headers, this);
    this.#streams.set(streamId, stream);
    this.#send(synReplyFrame(streamId, this.#replyHeaders.next()));
    if (fin) void stream.receive(Buffer.alloc(0), true);
    this.#options.onStream(stream);
  }

  /** Later headers mean nothing to us, but their bytes belong to the compression context. */
  async #takeHeaders(streamId: number, fin: boolean, headerBlock: Buffer): Promise<void> {
    await this.#inflater.next(headerBlock);
    if (fin) await this.#takeData(streamId, Buffer.alloc(0), true);
  }

  /**
   * While we do not read, the kernel does not tell us that the client died: only a write does. An empty DATA
   * frame is a write that changes nothing. (A PING would ask for an answer, and a client whose own write is
   * blocked, since we do not read, would stop reading until it could answer: a deadlock.)
   */
  async #probeUntil(room: Promise<void>): Promise<void> {
    const probe = setInterval(() => {
      for (const stream of this.#streams.values()) {
        if (stream.writableEnded) continue;
        this.#socket.write(dataFrameHeader(stream.id, 0, false));
        return;
      }
    }, this.#options.probeIntervalMs ?? PROBE_INTERVAL_MS);
    try {
      await room;
    } finally {
      clearInterval(probe);
    }
  }

  /** Sends a control frame. A client that provokes answers and does not read them is cut off. */
  #send(frame: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#idle?.refresh();
    this.#unsentControlBytes += frame.length;
    this.#socket.write(frame, () => {
      this.#unsentControlBytes -= frame.length;
    });
    if (this.#unsentControlBytes > MAX_UNSENT_CONTROL_BYTES) {
      this.destroy(
        new Fail('ResourceExhausted', 'SPDY: the client does not read the answers that it asks for'),
      );
    }
  }

  #fail(reason: Error, status: GoAwayStatus): void {
    this.failure ??= reason;
    this.#finishing = true;
    for (const stream of [...this.#streams.values()]) stream.destroy();
    this.#send(goAwayFrame(this.#lastStreamId, status));
    this.#hangUp();
    this.#gone.abort(reason);
  }

  /** Ends our side and waits for the client's, so that a close with unread input does not undo what we sent. */
  #hangUp(): void {
    this.#linger ??= setTimeout(() => this.#socket.destroy(), this.#options.lingerMs ?? LINGER_MS);
    this.#socket.end();
  }

  #release(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#linger);
    this.#inflater.close();
    for (const stream of [...this.#streams.values()]) stream.receiveReset();
    this.#gone.abort(this.failure ?? new Fail('Cancelled', 'the client has gone away'));
  }
}

const idleFor = (milliseconds: number): Fail =>
  new Fail('DeadlineExceeded', `nothing was sent or received for ${milliseconds} ms`);

const brokenOff = (cause: unknown): Fail =>
  new Fail('Cancelled', 'the client broke off the connection', { cause });
