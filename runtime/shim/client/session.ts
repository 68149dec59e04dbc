import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { Fail } from '../../core/fail.ts';
import {
  encodeFrame,
  encodeSessionFrame,
  MAX_SESSION_PAYLOAD,
  SessionFrameReader,
} from '../protocol/frames.ts';
import { type Resize, type SessionExit, SessionTag, type WireError } from '../protocol/messages.ts';
import { fromWireError } from '../protocol/wire-error.ts';
import { openSocket } from './link.ts';
import type { Session } from './shim.ts';

/**
 * Connects the streams of a session. Throws `Unavailable` when the shim is away, `Cancelled` when aborted: then it
 * has ended the session, which would wait for half a minute otherwise, and the process with it.
 */
export async function openSession(path: string, token: string, signal: AbortSignal): Promise<Session> {
  let socket: Socket;
  try {
    socket = await openSocket(path);
  } catch (cause) {
    throw new Fail('Unavailable', 'berth-shim does not answer', { cause });
  }
  const session = new SocketSession(socket);
  socket.write(encodeFrame({ session: token }));
  if (!signal.aborted) return session;
  socket.destroySoon();
  throw new Fail('Cancelled', 'the session was cancelled');
}

/** A stream is read when both of its consumers can take more: one that is left unread holds up the other. */
class SocketSession implements Session {
  readonly #socket: Socket;
  readonly #frames = new SessionFrameReader();
  readonly #exit = Promise.withResolvers<{ readonly exitCode: number }>();
  readonly #full = new Set<Readable>();
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.stdin = this.#input();
    this.stdout = this.#output();
    this.stderr = this.#output();
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => this.#end(new Fail('Unavailable', 'berth-shim went away during the session')));
    // Who does not ask for the exit code is not to be killed by its absence.
    this.#exit.promise.catch(() => {});
  }

  get exited(): Promise<{ readonly exitCode: number }> {
    return this.#exit.promise;
  }

  resize(size: Resize): void {
    this.#send(SessionTag.resize, Buffer.from(JSON.stringify(size)));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #input(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const pieces = Math.ceil(chunk.length / MAX_SESSION_PAYLOAD);
        let room = true;
        for (let piece = 0; piece < pieces; piece += 1) {
          const start = piece * MAX_SESSION_PAYLOAD;
          room = this.#send(SessionTag.stdin, chunk.subarray(start, start + MAX_SESSION_PAYLOAD));
        }
        if (room) done();
        else this.#whenDrained(done);
      },
      final: (done) => {
        this.#send(SessionTag.stdinEnd, Buffer.alloc(0));
        done();
      },
    });
  }

  /** 'drain' never comes on a socket that is gone. */
  #whenDrained(done: () => void): void {
    const proceed = () => {
      this.#socket.off('drain', proceed);
      this.#socket.off('close', proceed);
      done();
    };
    this.#socket.on('drain', proceed);
    this.#socket.on('close', proceed);
  }

  #output(): Readable {
    const goOn = () => {
      if (this.#full.delete(output) && this.#full.size === 0) this.#socket.resume();
    };
    const output: Readable = new Readable({ read: goOn });
    output.once('close', goOn);
    return output;
  }

  #send(tag: number, payload: Buffer): boolean {
    if (this.#socket.destroyed || this.#socket.writableEnded) return true;
    return this.#socket.write(encodeSessionFrame(tag, payload));
  }

  #receive(chunk: Buffer): void {
    this.#frames.push(chunk);
    try {
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
        this.#handle(frame.tag, frame.payload);
      }
    } catch (cause) {
      this.#end(new Fail('Internal', 'a session frame makes no sense', { cause }));
      this.#socket.destroy();
    }
  }

  #handle(tag: number, payload: Buffer): void {
    if (tag === SessionTag.stdout) this.#deliver(this.stdout, payload);
    if (tag === SessionTag.stderr) this.#deliver(this.stderr, payload);
    if (tag === SessionTag.exit) this.#end(JSON.parse(payload.toString()) as SessionExit);
    if (tag === SessionTag.failed) this.#end(fromWireError(JSON.parse(payload.toString()) as WireError));
  }

  #deliver(output: Readable, payload: Buffer): void {
    if (output.destroyed || output.push(payload)) return;
    this.#full.add(output);
    this.#socket.pause();
  }

  /** The first end counts; the streams end after what they still hold. */
  #end(how: SessionExit | Fail): void {
    if (how instanceof Fail) this.#exit.reject(how);
    else this.#exit.resolve({ exitCode: how.exitCode });
    for (const output of [this.stdout, this.stderr])
      if (!output.readableEnded && !output.destroyed) output.push(null);
    this.#socket.end();
  }
}
