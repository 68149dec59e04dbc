import { untilAborted } from './interrupted.ts';

/** Fewer than the MaxSessions 10 of sshd, so that somebody else's multiplexing finds room too. */
const channelsAtOnce = 4;

/** Things that are done some at a time, such as the channels of one connection: the others wait for their turn. */
export class Lanes {
  #limit: number;
  #taken = 0;
  #most = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number = channelsAtOnce) {
    this.#limit = limit;
  }

  /** The most channels that were open at the same time. */
  get most(): number {
    return this.#most;
  }

  /** Waits for a lane. The answer gives it back, and may be called more than once. */
  async take(signal: AbortSignal, what: string): Promise<() => void> {
    // Whoever wakes up looks again: the limit may have sunk meanwhile.
    while (this.#taken >= this.#limit) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      try {
        await untilAborted(promise, signal, what);
      } catch (error) {
        // A turn that came at the same moment goes to the next.
        this.#waiting.splice(this.#waiting.indexOf(resolve), this.#waiting.includes(resolve) ? 1 : 0);
        this.#wake();
        throw error;
      }
    }
    this.#taken += 1;
    this.#most = Math.max(this.#most, this.#taken);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#taken -= 1;
      this.#wake();
    };
  }

  /**
   * The host refused a channel: from now on no more than the others that are open. False when there is no other,
   * and waiting would not help. The refused lane must be given back afterwards.
   */
  shrink(): boolean {
    if (this.#taken <= 1) return false;
    this.#limit = this.#taken - 1;
    return true;
  }

  #wake(): void {
    if (this.#taken < this.#limit) this.#waiting.shift()?.();
  }
}
