import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the condition holds; throws with `what` when it does not within five seconds. */
export const until = async (what: string, condition: () => boolean): Promise<void> => {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(5);
  }
};
