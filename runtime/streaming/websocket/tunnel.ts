import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { asBuffer } from './channel-protocol.ts';

const NORMAL_CLOSURE = 1000;
const UNSUPPORTED_DATA = 1003;

/** The bytes of a WebSocket's binary messages as a stream; where one message ends means nothing. */
export class WebSocketTunnel extends Duplex {
  readonly #webSocket: WebSocket;

  constructor(webSocket: WebSocket) {
    super({ emitClose: true });
    this.#webSocket = webSocket;
    webSocket.on('message', (data, isBinary) => {
      if (!isBinary) webSocket.close(UNSUPPORTED_DATA, 'SPDY is tunnelled in binary messages');
      else if (!this.push(asBuffer(data))) webSocket.pause();
    });
    webSocket.once('close', () => {
      this.push(null);
      this.destroy();
    });
  }

  override _read(): void {
    this.#webSocket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#webSocket.send(chunk, done);
  }

  /** A frame's header and payload come corked: one message carries them both. */
  override _writev(
    chunks: { readonly chunk: Buffer; readonly encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#webSocket.send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#webSocket.close(NORMAL_CLOSURE);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#webSocket.readyState !== this.#webSocket.CLOSED) this.#webSocket.terminate();
    done(error);
  }
}
