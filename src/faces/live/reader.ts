/** Somebody who went away from a log must not keep berth from ending. */
const longestPause = 10 * 60_000;

/** Waits until `leave` is called, until `signal` aborts, or until no key was pressed for ten minutes. */
export class Reader {
  readonly #gone = Promise.withResolvers<void>();
  #clock: NodeJS.Timeout | undefined;

  async gone(signal: AbortSignal): Promise<void> {
    const leave = (): void => this.leave();
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) this.leave();
    this.pressed();
    await this.#gone.promise;
    signal.removeEventListener('abort', leave);
    clearTimeout(this.#clock);
  }

  /** A key: they are still there. */
  pressed(): void {
    clearTimeout(this.#clock);
    this.#clock = setTimeout(() => this.leave(), longestPause);
  }

  leave(): void {
    this.#gone.resolve();
  }
}
