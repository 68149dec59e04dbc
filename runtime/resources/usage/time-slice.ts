import { setImmediate as nextTurn } from 'node:timers/promises';

/** Lets others work in between when much has to be read: the daemon's thread streams execs at the same time. */
export interface TimeSlice {
  /** To be awaited after each piece of synchronous work. */
  rest(): Promise<void>;
}

export const createTimeSlice = (milliseconds: number): TimeSlice => {
  let began = performance.now();
  return {
    rest: async () => {
      if (performance.now() - began < milliseconds) return;
      await nextTurn();
      began = performance.now();
    },
  };
};
