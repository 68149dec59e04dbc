import { Duplex } from 'node:stream';
import type { Headers } from './headers.ts';

/** What a stream asks of the connection that carries it. */
export interface StreamLink {
  /** `done` is called when the bytes have left for the kernel, or with the reason why they never will. */
  sendData(streamId: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  /** The stream is over on our side; `reset`: it was cut short, tell the peer. */
  forget(stream: SpdyStream, reset: boolean): void;
}

/** Bytes that a stream holds for a slow consumer before the whole connection stops reading. */
const BUFFERED_BYTES = 256 * 1024;

/**
 * One SPDY stream that the client opened. Ending the writable side sends FIN, a FIN of the client ends the readable
 * side, and destroying a stream that is not at its end both ways sends RST_STREAM.
 */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #link: StreamLink;
  #remoteEnded = false;
  #resetByPeer = false;
  #room: (() => void) | undefined;

  constructor(id: number, headers: Headers, link: StreamLink) {
    super({ readableHighWaterMark: BUFFERED_BYTES, writableHighWaterMark: 64 * 1024 });
    this.id = id;
    this.headers = headers;
    this.#link = link;
    // Whoever uses the stream learns of its end by 'close'; without a listener an error would end the daemon.
    this.on('error', () => {});
  }

  /** Takes what the client sent. Returns a promise for the moment when more fits, if nothing more fits now. */
  receive(data: Buffer, fin: boolean): Promise<void> | undefined {
    if (this.destroyed || this.#remoteEnded) return undefined;
    const fits = data.length === 0 || this.push(data);
    if (fin) {
      this.#remoteEnded = true;
      this.push(null);
    }
    return fits || fin ? undefined : new Promise((resolve) => (this.#room = resolve));
  }

  /** The client reset the stream: both directions are over, and nothing is to be said about it. */
  receiveReset(): void {
    this.#resetByPeer = true;
    this.destroy();
  }

  override _read(): void {
    this.#room?.();
    this.#room = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#link.sendData(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#link.sendData(this.id, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const complete = this.#remoteEnded && this.writableFinished;
    this.#link.forget(this, !complete && !this.#resetByPeer);
    this._read();
    done(error);
  }
}
