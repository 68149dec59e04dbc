import { randomBytes } from 'node:crypto';
import { Fail } from '../core/fail.ts';

export interface TokenOptions {
  /** Milliseconds in which a token must be used. */
  readonly ttlMs: number;
  /** Tokens outstanding at one time. */
  readonly limit: number;
}

/**
 * Values that wait to be fetched, each once, by whoever knows its token: 256 random bits, of which a guess is
 * hopeless, so a plain map look-up gives nothing away. All tokens live equally long, hence the map, which keeps
 * the order of insertion, has the ones to expire first in front.
 */
export class Tokens<T> {
  readonly #waiting = new Map<string, { readonly value: T; readonly expiresAt: number }>();
  readonly #options: TokenOptions;
  readonly #now: () => number;

  constructor(options: TokenOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  /** Throws `ResourceExhausted` when too many tokens are outstanding. */
  issue(value: T): string {
    this.#dropExpired();
    if (this.#waiting.size >= this.#options.limit) {
      throw new Fail(
        'ResourceExhausted',
        `${this.#options.limit} streaming requests wait for their client already`,
        {
          hint: `try again: each waits ${this.#options.ttlMs / 1000} s at most`,
        },
      );
    }
    const token = randomBytes(32).toString('base64url');
    this.#waiting.set(token, { value, expiresAt: this.#now() + this.#options.ttlMs });
    return token;
  }

  /** The value, the first time that its token is asked for within its life; then and else undefined. */
  take(token: string): T | undefined {
    this.#dropExpired();
    const waiting = this.#waiting.get(token);
    this.#waiting.delete(token);
    return waiting?.value;
  }

  #dropExpired(): void {
    const now = this.#now();
    for (const [token, { expiresAt }] of this.#waiting) {
      if (expiresAt > now) return;
      this.#waiting.delete(token);
    }
  }
}
