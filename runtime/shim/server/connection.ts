import type { Socket } from 'node:net';
import { Fail } from '../../core/fail.ts';
import { asFail } from '../../linux/as-fail.ts';
import type { Log } from '../../observe/log.ts';
import { encodeFrame, FrameReader } from '../protocol/frames.ts';
import { toWireError } from '../protocol/wire-error.ts';
import { Wire } from './sessions/wire.ts';

export interface Peer {
  /** Sends an event to this client from now on. */
  subscribe(): void;
  sendEvent(event: string, params: unknown): void;
  /** Runs when the client has gone; the returned function takes that back. */
  onGone(release: () => void): () => void;
}

export interface ConnectionHandlers {
  readonly call: (method: string, params: unknown, peer: Peer) => Promise<unknown>;
  readonly openSession: (token: string, wire: Wire) => void;
  readonly onSubscribed: (peer: Peer) => void;
  readonly onClosed: (peer: Peer) => void;
  readonly log: Log;
}

/** Serves one connection: its first frame tells whether it carries calls or the bytes of a session. */
export function serveConnection(socket: Socket, handlers: ConnectionHandlers): void {
  const connection = new Connection(socket, handlers);
  socket.on('error', (error) => handlers.log.debug('connection failed', { error }));
  socket.on('data', connection.onData);
  socket.on('end', () => socket.end());
  socket.on('close', connection.onClose);
}

class Connection implements Peer {
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #frames = new FrameReader();
  readonly #releases = new Set<() => void>();
  #isSession = false;

  constructor(socket: Socket, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
  }

  subscribe(): void {
    this.#handlers.onSubscribed(this);
  }

  sendEvent(event: string, params: unknown): void {
    this.#send({ event, params });
  }

  onGone(release: () => void): () => void {
    this.#releases.add(release);
    return () => this.#releases.delete(release);
  }

  readonly onClose = (): void => {
    if (this.#isSession) return;
    for (const release of this.#releases) release();
    this.#handlers.onClosed(this);
  };

  /** A client that breaks the protocol is cut off; what it asked for before goes on. */
  readonly onData = (chunk: Buffer): void => {
    this.#frames.push(chunk);
    try {
      for (let message = this.#frames.next(); message !== undefined; message = this.#frames.next()) {
        if (this.#receive(message)) return;
      }
    } catch (error) {
      this.#handlers.log.warn('protocol broken by a client', { error });
      this.#socket.destroy();
    }
  };

  /** True: what follows on this connection is a session's. */
  #receive(message: unknown): boolean {
    if (typeof message !== 'object' || message === null)
      throw new Fail('InvalidArgument', 'frame is no object');
    if ('session' in message) {
      this.#becomeSession(String(message.session));
      return true;
    }
    const { id, method, params } = message as { id?: unknown; method?: unknown; params?: unknown };
    this.#answer(id, String(method), params);
    return false;
  }

  #becomeSession(token: string): void {
    this.#isSession = true;
    this.#socket.pause();
    this.#socket.off('data', this.onData);
    this.#handlers.openSession(token, new Wire(this.#socket, this.#frames.rest()));
  }

  async #answer(id: unknown, method: string, params: unknown): Promise<void> {
    try {
      this.#send({ id, result: await this.#handlers.call(method, params, this) });
    } catch (error) {
      const isFault = !(error instanceof Fail) && asFail(error).code === 'Internal';
      if (isFault) this.#handlers.log.error('a call failed unexpectedly', { method, error });
      this.#send({ id, error: toWireError(error) });
    }
  }

  #send(message: unknown): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame(message));
  }
}
