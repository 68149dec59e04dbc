import { EventEmitter } from 'node:events';
import { Fail } from '../../core/fail.ts';
import { type Events, type Methods, PROTOCOL_VERSION } from '../protocol/messages.ts';
import { Link, openSocket } from './link.ts';
import { openSession } from './session.ts';
import type { Session, Shim } from './shim.ts';

export interface ConnectOptions {
  /** `/run/berth/shim.sock` */
  readonly socketPath: string;
  /** How long calls wait for a shim that is away, and `connectShim` for one that is not there yet. */
  readonly reconnectMs: number;
}

const FIRST_DELAY_MS = 20;
const LONGEST_DELAY_MS = 500;

/** Connects to the shim and stays connected. Throws `Unavailable` when none answers within `reconnectMs`. */
export async function connectShim(options: ConnectOptions): Promise<Shim> {
  const client = new Client(options);
  try {
    await client.connected(AbortSignal.timeout(options.reconnectMs));
    return client;
  } catch (cause) {
    await client.close();
    throw new Fail('Unavailable', `no berth-shim answers at ${options.socketPath}`, {
      hint: 'is berth-shim.service running?',
      cause,
    });
  }
}

class Client implements Shim {
  readonly #options: ConnectOptions;
  readonly #emitter = new EventEmitter();
  #link: Link | undefined;
  /** Resolves with the next link; replaced when that one breaks. */
  #next = Promise.withResolvers<Link>();
  #closed = false;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#emitter.setMaxListeners(0);
    this.#keepConnected();
  }

  async call<M extends keyof Methods>(
    method: M,
    params: Methods[M]['params'],
    signal: AbortSignal,
  ): Promise<Methods[M]['result']> {
    const link = this.#link ?? (await this.#whenBack(signal));
    return (await link.call(method, params, signal)) as Methods[M]['result'];
  }

  async openSession(token: string, signal: AbortSignal): Promise<Session> {
    return openSession(this.#options.socketPath, token, signal);
  }

  on<E extends keyof Events>(event: E, listener: (params: Events[E]) => void): void {
    const isFirst = this.#emitter.listenerCount(event) === 0;
    this.#emitter.on(event, listener);
    if (event === 'exit' && isFirst) this.#subscribe(this.#link);
  }

  /** Called at once when there is a connection already. */
  onConnected(listener: () => void): void {
    this.#emitter.on('connected', listener);
    if (this.#link !== undefined) queueMicrotask(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#next.promise.catch(() => {});
    this.#next.reject(new Fail('Unavailable', 'the connection to the shim was closed'));
    this.#link?.close();
  }

  connected(signal: AbortSignal): Promise<Link> {
    return abortable(this.#next.promise, signal);
  }

  /** Waits for the shim's return, but not longer than `reconnectMs`. */
  async #whenBack(signal: AbortSignal): Promise<Link> {
    const patience = AbortSignal.timeout(this.#options.reconnectMs);
    try {
      return await this.connected(AbortSignal.any([signal, patience]));
    } catch (cause) {
      if (signal.aborted) throw new Fail('Cancelled', 'the call was cancelled', { cause });
      throw new Fail('Unavailable', `berth-shim is away for longer than ${this.#options.reconnectMs} ms`, {
        hint: 'journalctl -u berth-shim tells why',
        cause,
      });
    }
  }

  async #keepConnected(): Promise<void> {
    let delay = FIRST_DELAY_MS;
    while (!this.#closed) {
      const link = await this.#connect();
      if (link === undefined) {
        await new Promise((resolve) => setTimeout(resolve, delay));
        delay = Math.min(delay * 2, LONGEST_DELAY_MS);
        continue;
      }
      delay = FIRST_DELAY_MS;
      this.#enter(link);
      await link.broken;
      this.#link = undefined;
    }
  }

  /** Undefined: nobody there, or nobody that we understand. */
  async #connect(): Promise<Link | undefined> {
    let link: Link | undefined;
    try {
      const socket = await openSocket(this.#options.socketPath);
      link = new Link(socket, (event, params) => this.#emitter.emit(event, params));
      const hello = { version: PROTOCOL_VERSION, client: `berthd ${process.pid}` };
      await link.call('hello', hello, AbortSignal.timeout(5000));
      return link;
    } catch {
      // The caller of a method learns it as `Unavailable`; the next attempt follows.
      link?.close();
      return undefined;
    }
  }

  #enter(link: Link): void {
    if (this.#closed) {
      link.close();
      return;
    }
    this.#link = link;
    this.#next.resolve(link);
    this.#next = Promise.withResolvers<Link>();
    link.broken.then(() => {
      this.#link = undefined;
    });
    this.#emitter.emit('connected');
    if (this.#emitter.listenerCount('exit') > 0) this.#subscribe(link);
  }

  /** A link that breaks meanwhile is followed by another, which subscribes again. */
  #subscribe(link: Link | undefined): void {
    link?.call('subscribe', {}, new AbortController().signal).catch(() => {});
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
