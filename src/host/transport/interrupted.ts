import { Fail } from '../../core/fail.ts';

/** What the caller learns when its signal ended a wait: a deadline and a user's Ctrl-C are different failures. */
export function interrupted(signal: AbortSignal, what: string): Fail {
  const reason: unknown = signal.reason;
  if (reason instanceof Fail) return reason;
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new Fail('DeadlineExceeded', `${what}: the deadline passed`, { cause: reason });
  }
  return new Fail('Cancelled', `${what}: cancelled`, { cause: reason });
}

/** Settles as `promise` does, or rejects as soon as the signal aborts. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  // Nobody else looks at it once we have left.
  promise.catch(() => {});
  if (signal.aborted) throw interrupted(signal, what);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(interrupted(signal, what));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
