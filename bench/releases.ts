import type { Lifetime } from '../test/harness/node.ts';

/** What is to be given back when the bench ends, however it does. */
export interface Releases extends Lifetime, AsyncDisposable {
  /** Rejects when the bench is told to end. */
  readonly interrupted: Promise<never>;
}

/** Gives everything back in reverse order, also after an interrupt; what cannot be given back is told. */
export const releasesAtEnd = (): Releases => {
  const releases: (() => Promise<void>)[] = [];
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  interrupted.catch(() => {}); // it may come while nobody waits for it
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => reject(new Error(`ended by ${signal}`)));
  return {
    interrupted,
    after: (release) => void releases.push(release),
    [Symbol.asyncDispose]: async () => {
      for (const release of releases.reverse())
        await release().catch((error: unknown) => console.error('cannot clean up', error));
    },
  };
};
