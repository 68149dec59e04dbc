import type { Emit } from '../core/events.ts';

/** What every verb of this room gets: where to report, and when to stop. */
export interface Work {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** The host for which the artifact is prepared, in the events. */
  readonly host?: string;
}

const everyMilliseconds = 100;

/** A function to call with each count of bytes; it emits a few events a second, and the last one always. */
export function byteProgress(
  work: Pick<Work, 'emit' | 'host'>,
  id: string,
  total: number,
): (done: number) => void {
  let last = 0;
  return (done) => {
    const now = Date.now();
    if (done < total && now - last < everyMilliseconds) return;
    last = now;
    work.emit({ kind: 'bytes', host: work.host ?? 'this machine', id, done, total });
  };
}
