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

/** A socket whose input rests does not tell that its peer has gone; a write does. */
const ALIVE_MS = 1000;
const NOTHING = Buffer.alloc(0);

/** The shim's side of a session connection. */
export class Wire {
  readonly #socket: Socket;
  readonly #frames = new SessionFrameReader();
  #listener: Listener | undefined;
  #alive: NodeJS.Timeout | undefined;

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
    this.#socket.on('close', () => {
      clearInterval(this.#alive);
      listener.onClose();
    });
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
    if (this.#alive === undefined) return;
    clearInterval(this.#alive);
    this.#alive = undefined;
    this.#dispatch();
    if (this.#alive === undefined) this.#socket.resume();
  }

  #rest(): void {
    this.#socket.pause();
    this.#alive = setInterval(() => this.send(SessionTag.alive, NOTHING), ALIVE_MS);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** A client that breaks the protocol is cut off. */
  #dispatch(): void {
    try {
      while (this.#alive === undefined) {
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
    if (tag === SessionTag.stdin && listener?.onStdin(payload) === false) this.#rest();
    if (tag === SessionTag.stdinEnd) listener?.onStdinEnd();
    if (tag === SessionTag.resize) listener?.onResize(JSON.parse(payload.toString()));
  }
}
