import { setTimeout as pause } from 'node:timers/promises';

/**
 * A figure that takes long to find out, kept for each subject: what is known is told at once and found out anew in
 * the background, never more often than its period, and never so often that it takes more than a twentieth of the
 * time. One subject is measured at a time.
 */
export interface Paced<Subject, Figure> {
  /**
   * The latest figure. The first is waited for until `performance.now()` says `untilMs`; undefined: it takes longer.
   * Who asks for many gives them all the same moment.
   */
  of(id: string, subject: Subject, untilMs: number): Promise<Figure | undefined>;
  /** Forgets all but these. */
  retain(ids: ReadonlySet<string>): void;
}

export interface PacedOptions<Subject, Figure> {
  readonly periodMs: number;
  readonly measure: (subject: Subject) => Promise<Figure>;
  readonly onError: (id: string, error: unknown) => void;
}

const SHARE_OF_TIME = 20;

interface Known<Figure> {
  figure: Figure | undefined;
  dueAtMs: number;
  running: Promise<void> | undefined;
}

export const createPaced = <Subject, Figure>({
  periodMs,
  measure,
  onError,
}: PacedOptions<Subject, Figure>): Paced<Subject, Figure> => {
  const known = new Map<string, Known<Figure>>();
  let last: Promise<void> = Promise.resolve();

  const begin = (id: string, subject: Subject, entry: Known<Figure>): void => {
    const before = last;
    last = (async () => {
      await before;
      const began = performance.now();
      try {
        if (known.get(id) === entry) entry.figure = await measure(subject);
      } catch (error) {
        onError(id, error);
      }
      const tookMs = performance.now() - began;
      entry.dueAtMs = began + tookMs + Math.max(periodMs, tookMs * SHARE_OF_TIME);
      entry.running = undefined;
    })();
    entry.running = last;
  };

  return {
    of: async (id, subject, untilMs) => {
      const entry = known.get(id) ?? { figure: undefined, dueAtMs: 0, running: undefined };
      known.set(id, entry);
      if (entry.running === undefined && performance.now() >= entry.dueAtMs) begin(id, subject, entry);
      const patienceMs = untilMs - performance.now();
      if (entry.figure === undefined && entry.running !== undefined && patienceMs > 0)
        await Promise.race([entry.running, pause(patienceMs, undefined, { ref: false })]);
      return entry.figure;
    },
    retain: (ids) => {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    },
  };
};
