import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the condition holds; throws with `what` when it does not in time: far longer than it ever takes. */
export const until = async (what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(5);
  }
};

/** Waits until the value has stopped to change for half a second, and returns it. */
export const settled = async (value: () => number): Promise<number> => {
  for (;;) {
    const before = value();
    await sleep(500);
    if (value() === before) return before;
  }
};
