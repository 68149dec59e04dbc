import type { Emit, Phase } from '../core/events.ts';

export interface Work {
  /** Passes every event on, and follows what begins and ends. */
  readonly emit: Emit;
  /** Something is done that is to be finished or undone before berth ends. */
  isAtWork(): boolean;
}

/** They only look: one that is cut off leaves nothing behind. */
const looking: ReadonlySet<Phase> = new Set(['connect', 'probe', 'plan']);

export const followWork = (emit: Emit): Work => {
  let begun = 0;
  return {
    emit(event) {
      if (event.kind === 'phase-started' && !looking.has(event.phase)) begun += 1;
      if (event.kind === 'phase-ended' && !looking.has(event.phase)) begun -= 1;
      emit(event);
    },
    isAtWork: () => begun > 0,
  };
};
