import { connect, type Socket } from 'node:net';
import { Fail } from '../../core/fail.ts';
import { encodeFrame, FrameReader } from '../protocol/frames.ts';
import type { Events, Methods, WireError } from '../protocol/messages.ts';
import { fromWireError } from '../protocol/wire-error.ts';

/** Connects a stream to a unix socket, or rejects with what connect(2) says. */
export function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

interface Waiting {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Fail) => void;
}

type OnEvent = <E extends keyof Events>(event: E, params: Events[E]) => void;

/** One control connection: calls and their answers, and events. */
export class Link {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEvent: OnEvent;
  #lastId = 0;
  /** Resolves when the connection is gone; calls in flight have been rejected with `Unavailable`. */
  readonly broken: Promise<void>;

  constructor(socket: Socket, onEvent: OnEvent) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.broken = promise;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // 'close' follows and tells the calls.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#breakAll();
      resolve();
    });
  }

  call(method: keyof Methods, params: unknown, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) return Promise.reject(cancelled(method));
    if (this.#socket.destroyed) return Promise.reject(interrupted(method));
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const abort = () => {
      this.#waiting.delete(id);
      reject(cancelled(method));
    };
    signal.addEventListener('abort', abort, { once: true });
    const settled = () => signal.removeEventListener('abort', abort);
    this.#waiting.set(id, {
      method,
      resolve: (result) => {
        settled();
        resolve(result);
      },
      reject: (error) => {
        settled();
        reject(error);
      },
    });
    this.#socket.write(encodeFrame({ id, method, params }));
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#frames.push(chunk);
    try {
      for (let message = this.#frames.next(); message !== undefined; message = this.#frames.next()) {
        this.#handle(
          message as {
            id?: number;
            result?: unknown;
            error?: WireError;
            event?: keyof Events;
            params?: never;
          },
        );
      }
    } catch {
      // Not our protocol: the connection is of no use, and its calls learn that.
      this.#socket.destroy();
    }
  }

  #handle(message: {
    id?: number;
    result?: unknown;
    error?: WireError;
    event?: keyof Events;
    params?: never;
  }): void {
    if (message.event !== undefined) {
      this.#onEvent(message.event, message.params as never);
      return;
    }
    const waiting = this.#waiting.get(message.id ?? -1);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id ?? -1);
    if (message.error === undefined) waiting.resolve(message.result);
    else waiting.reject(fromWireError(message.error));
  }

  #breakAll(): void {
    for (const { method, reject } of this.#waiting.values()) reject(interrupted(method));
    this.#waiting.clear();
  }
}

const cancelled = (method: string): Fail => new Fail('Cancelled', `${method} was cancelled`);
const interrupted = (method: string): Fail =>
  new Fail('Unavailable', `the connection to berth-shim broke during ${method}`, {
    hint: 'nobody knows how far it got; compare with what the shim lists when it is back',
  });
