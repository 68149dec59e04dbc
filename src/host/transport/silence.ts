/** Ends a wait for a host that says nothing; stands still while a person is asked. */
export class Silence {
  readonly #onTooLong: (awaited: string, milliseconds: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #awaited: { readonly what: string; readonly milliseconds: number } | undefined;

  constructor(onTooLong: (awaited: string, milliseconds: number) => void) {
    this.#onTooLong = onTooLong;
  }

  /** From now on the host has this long for what it must do next. */
  expect(what: string, milliseconds: number): void {
    this.#awaited = { what, milliseconds };
    this.#start();
  }

  /** Runs what waits for a person and not for the host. */
  async whileAsking<T>(ask: () => Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    try {
      return await ask();
    } finally {
      this.#start();
    }
  }

  over(): void {
    this.#awaited = undefined;
    clearTimeout(this.#timer);
  }

  #start(): void {
    clearTimeout(this.#timer);
    const awaited = this.#awaited;
    if (awaited === undefined) return;
    this.#timer = setTimeout(() => this.#onTooLong(awaited.what, awaited.milliseconds), awaited.milliseconds);
  }
}
