import type { Emit, Phase } from '../../core/events.ts';
import type { Fail } from '../../core/fail.ts';
import { withoutHost } from '../../core/text.ts';
import { quoteAll } from '../quote.ts';
import { secondsOf } from './encode-work.ts';
import type { Content, Step, Work } from './step.ts';

/** Contents of fewer bytes are there before anybody could watch them. */
const shownFromBytes = 256 * 1024;

/** A bar has no finer parts, and fifty hosts have fifty of them. */
const shownShares = 100;

/** Bytes of all contents that a work sends. */
const contentBytes = ({ steps }: Work): number =>
  steps.reduce((sum, step) => sum + ('content' in step ? sizeOf(step.content) : 0), 0);

/** Of a secret not even the length is told. */
const sizeOf = (content: Content): number => {
  if (content.kind === 'local-file') return content.bytes;
  return content.kind === 'text' ? Buffer.byteLength(content.text) : 0;
};

/** Undefined: a step that runs no command of its own. */
const commandOf = (step: Step | undefined): string | undefined =>
  step?.kind === 'run' ? quoteAll(step.argv) : undefined;

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

  /** The command of a step of the current work starts. */
  run(step: number): void {
    const work = this.#current;
    const command = commandOf(work?.steps[step]);
    if (work === undefined || command === undefined) return;
    this.#emit({ kind: 'command', host: this.#host, phase: this.#phase, id: work.id, command });
  }

  /** To be called with the bytes of each piece of content that is sent for the work. */
  bytesOf(work: Work): (bytes: number) => void {
    const total = contentBytes(work);
    if (total < shownFromBytes) return () => undefined;
    let done = 0;
    let told = 0;
    return (bytes) => {
      done = Math.min(done + bytes, total);
      if (done < total && done - told < total / shownShares) return;
      told = done;
      this.#emit({ kind: 'bytes', host: this.#host, id: work.id, done, total });
    };
  }

  /** `failure`: why it did not come to its end. */
  end(id: string, failure?: Fail): void {
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
      ...(failure === undefined ? {} : { detail: this.#detailOf(id, failure), code: failure.code }),
    });
  }

  /** The event names host and step: what is told of them begins with what is wrong. */
  #detailOf(id: string, { message }: Fail): string {
    const title = this.#works.find((work) => work.id === id)?.summary;
    const detail = withoutHost(this.#host, message);
    return title !== undefined && detail.startsWith(`${title}: `) ? detail.slice(title.length + 2) : detail;
  }

  /** The work that the host was at has failed, if there was one. */
  endCurrent(failure: Fail): void {
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
