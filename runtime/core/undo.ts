/** Releases of what was acquired so far, run backwards when a later step fails. */
export class Undo {
  readonly #releases: { readonly what: string; readonly release: () => unknown }[] = [];

  /** Registers the release before the acquisition can be followed by a failing step. */
  push(what: string, release: () => unknown): void {
    this.#releases.push({ what, release });
  }

  /** Keeps everything: the whole operation succeeded. */
  disarm(): void {
    this.#releases.length = 0;
  }

  /** Runs the releases, last first. One that fails is reported and does not stop the others. */
  async unwind(report: (what: string, error: unknown) => void): Promise<void> {
    for (let last = this.#releases.pop(); last !== undefined; last = this.#releases.pop()) {
      try {
        await last.release();
      } catch (error) {
        report(last.what, error);
      }
    }
  }
}
