import type { Emit } from '../core/events.ts';
import { duration } from '../core/text.ts';

export interface Stopwatch {
  /** Passes every event on, and takes the times that some of them tell. */
  readonly emit: Emit;
  /** How long each part took, and all together. */
  table(): string;
}

/** Collects how long the phases of a command took, and the steps of `prepare`, which run side by side. */
export const stopwatch = (emit: Emit): Stopwatch => {
  const started = performance.now();
  const rows: (readonly [string, number])[] = [];
  const titles = new Map<string, string>();
  return {
    emit(event) {
      if (event.kind === 'step-started') titles.set(event.id, event.title);
      if (event.kind === 'step-ended' && event.phase === 'prepare')
        rows.push([`  ${titles.get(event.id) ?? event.id}`, event.milliseconds]);
      if (event.kind === 'phase-ended') rows.push([event.phase, event.milliseconds]);
      emit(event);
    },
    table() {
      const all = [...rows, ['in all', performance.now() - started] as const];
      const width = Math.max(...all.map(([name]) => name.length)) + 2;
      return all.map(([name, time]) => `${name.padEnd(width)}${duration(time).padStart(9)}`).join('\n');
    },
  };
};
