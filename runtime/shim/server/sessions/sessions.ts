import { randomBytes } from 'node:crypto';
import type { Wire } from './wire.ts';

/** A session that waits for its connection. */
export interface PendingSession {
  connect(wire: Wire): void;
  /** Nobody came in time. */
  expire(): void;
}

const PATIENCE_MS = 30_000;

/** Sessions by token, until their connections come. */
export class Sessions {
  readonly #pending = new Map<string, { readonly session: PendingSession; readonly timer: NodeJS.Timeout }>();

  /** The token to connect with. */
  add(session: PendingSession): string {
    const token = randomBytes(16).toString('hex');
    const timer = setTimeout(() => {
      this.#pending.delete(token);
      session.expire();
    }, PATIENCE_MS);
    this.#pending.set(token, { session, timer });
    return token;
  }

  /** Each token is good for one connection; undefined when it is unknown, used, or too late. */
  take(token: string): PendingSession | undefined {
    const found = this.#pending.get(token);
    if (found === undefined) return undefined;
    clearTimeout(found.timer);
    this.#pending.delete(token);
    return found.session;
  }

  close(): void {
    for (const [token, { session, timer }] of [...this.#pending]) {
      clearTimeout(timer);
      this.#pending.delete(token);
      session.expire();
    }
  }
}
