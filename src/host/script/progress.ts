import type { Emit, Phase } from '../../core/events.ts';
import { secondsOf } from './encode-work.ts';
import type { Work } from './step.ts';

/** Which work a host is at, as it tells; passed on as events. */
export class Progress {
  readonly #host: string;
  readonly #phase: Phase;
  readonly #works: readonly Work[];
  readonly #emit: Emit;
  readonly #startedAt = new Map<string, number>();
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();
  #current: Work | undefined;

  constructor(host: string, works: readonly Work[], { phase, emit }: { phase: Phase; emit: Emit }) {
    this.#host = host;
    this.#phase = phase;
    this.#works = works;
    this.#emit = emit;
  }

  /** Begun, and not ended. */
  get current(): Work | undefined {
    return this.#current;
  }

  /** The longest that the host may have nothing to say: from the first step of a work to its last. */
  get silentSeconds(): number {
    return this.#current === undefined ? 0 : secondsOf(this.#current);
  }

  begin(id: string): void {
    this.#current = this.#works.find((work) => work.id === id);
    this.#startedAt.set(id, performance.now());
    const title = this.#current?.summary ?? id;
    this.#emit({ kind: 'step-started', host: this.#host, phase: this.#phase, id, title });
  }

  /** `failure`: why it did not come to its end. */
  end(id: string, failure?: string): void {
    const milliseconds = performance.now() - (this.#startedAt.get(id) ?? performance.now());
    this.#current = undefined;
    this.#endOf(id).resolve();
    this.#emit({
      kind: 'step-ended',
      host: this.#host,
      phase: this.#phase,
      id,
      milliseconds,
      failed: failure !== undefined,
      ...(failure === undefined ? {} : { detail: failure }),
    });
  }

  /** The work that the host was at has failed, if there was one. */
  endCurrent(failure: string): void {
    if (this.#current !== undefined) this.end(this.#current.id, failure);
  }

  /** Settles when the work has ended, however. */
  ended({ id }: Work): Promise<void> {
    return this.#endOf(id).promise;
  }

  #endOf(id: string): PromiseWithResolvers<void> {
    const end = this.#ends.get(id) ?? Promise.withResolvers<void>();
    this.#ends.set(id, end);
    return end;
  }
}
