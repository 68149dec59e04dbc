import { Fail } from '../core/fail.ts';

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupts extends Disposable {
  /** Aborts, with a Fail `Cancelled` as its reason, when somebody wants berth to stop. */
  readonly signal: AbortSignal;
}

/**
 * Turns the first signal into an orderly end; a second SIGINT or SIGTERM ends at once, without waiting for hosts.
 * `onFirst` tells the user what is happening.
 */
export const listenForInterrupts = (onFirst: (name: string) => void): Interrupts => {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      // Nobody's impatience: when a terminal closes, its shell passes on what the kernel has sent already.
      if (name === 'SIGHUP') return;
      process.exit(130);
    }
    onFirst(name);
    controller.abort(
      new Fail('Cancelled', `interrupted by ${name}`, {
        hint: 'run the same command again: it finishes what is left',
      }),
    );
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
};
