import type { Socket } from 'node:net';
import { encodeSessionFrame, SessionFrameReader } from '../../protocol/frames.ts';
import { type Resize, type SessionExit, SessionTag, type WireError } from '../../protocol/messages.ts';

/** What the client's frames mean to a session. */
export interface Listener {
  /** False: no more until `Wire.resume`. */
  onStdin(bytes: Buffer): boolean;
  onStdinEnd(): void;
  onResize(size: Resize): void;
  /** The output that was refused before has room now. */
  onDrain(): void;
  /** The client has gone, or was let go. */
  onClose(): void;
}

/** The shim's side of a session connection. */
export class Wire {
  readonly #socket: Socket;
  readonly #frames = new SessionFrameReader();
  #listener: Listener | undefined;
  #paused = false;

  /** `rest`: what came behind the frame that named the session. */
  constructor(socket: Socket, rest: Buffer) {
    this.#socket = socket;
    this.#frames.push(rest);
  }

  listen(listener: Listener): void {
    this.#listener = listener;
    this.#socket.on('data', (chunk: Buffer) => {
      this.#frames.push(chunk);
      this.#dispatch();
    });
    this.#socket.on('drain', () => listener.onDrain());
    this.#socket.on('close', () => listener.onClose());
    this.#dispatch();
    this.#socket.resume();
  }

  /** False: the client is behind. */
  send(tag: number, payload: Buffer): boolean {
    if (this.#socket.destroyed || this.#socket.writableEnded) return true;
    return this.#socket.write(encodeSessionFrame(tag, payload));
  }

  /** The last frame. */
  exit(exit: SessionExit): void {
    this.send(SessionTag.exit, Buffer.from(JSON.stringify(exit)));
    this.#socket.end();
  }

  fail(error: WireError): void {
    this.send(SessionTag.failed, Buffer.from(JSON.stringify(error)));
    this.#socket.end();
  }

  /** Takes stdin again. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#dispatch();
    if (!this.#paused) this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** A client that breaks the protocol is cut off. */
  #dispatch(): void {
    try {
      while (!this.#paused) {
        const frame = this.#frames.next();
        if (frame === undefined) return;
        this.#handle(frame.tag, frame.payload);
      }
    } catch {
      this.#socket.destroy();
    }
  }

  #handle(tag: number, payload: Buffer): void {
    const listener = this.#listener;
    if (tag === SessionTag.stdin && listener?.onStdin(payload) === false) {
      this.#paused = true;
      this.#socket.pause();
    }
    if (tag === SessionTag.stdinEnd) listener?.onStdinEnd();
    if (tag === SessionTag.resize) listener?.onResize(JSON.parse(payload.toString()));
  }
}
