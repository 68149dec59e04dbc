/** Calls `onSilence` when nothing was heard for as long as was allowed last. */
export class Watchdog {
  readonly #onSilence: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence;
  }

  heard(patienceSeconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onSilence, patienceSeconds * 1000);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
