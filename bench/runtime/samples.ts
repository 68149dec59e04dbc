/** Measured values by what was measured; milliseconds unless it says otherwise. */
export class Samples {
  readonly #values = new Map<string, number[]>();

  add(what: string, value: number): void {
    const values = this.#values.get(what);
    if (values === undefined) this.#values.set(what, [value]);
    else values.push(value);
  }

  /** Adds how long the work takes, and gives its result. */
  async time<T>(what: string, work: () => Promise<T> | T): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.add(what, performance.now() - began);
    return result;
  }

  /** Forgets what was measured, such as the rounds of a warm-up. */
  clear(): void {
    this.#values.clear();
  }

  /** NaN when nothing was measured. */
  quantile(what: string, q: number): number {
    const sorted = (this.#values.get(what) ?? []).toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  }

  median(what: string): number {
    return this.quantile(what, 0.5);
  }
}
