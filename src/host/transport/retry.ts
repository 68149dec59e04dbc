import { setTimeout as pause } from 'node:timers/promises';
import { Fail } from '../../core/fail.ts';
import { interrupted } from './interrupted.ts';

/** How often, and how long after each failure, in milliseconds. Together four seconds: a typing error must not cost more. */
const delays = [250, 500, 1000, 2000];

/** A server that has no room is there, and rightly named: it has some as soon as others have logged in. */
const delaysWhileFull = [...delays, 4000, 8000];

/** Hosts that were turned away together must not come back together: each waits between half and one and a half of the time. */
const scattered = (milliseconds: number): number => milliseconds * (0.5 + Math.random());

/** Fail `Unreachable` says in its context whether it may pass: a refused connection may, a refused key may not. */
export const mayPass = (error: unknown): error is Fail =>
  error instanceof Fail && error.code === 'Unreachable' && error.context['mayPass'] === true;

/**
 * sshd turns away a connection that is one too many (MaxStartups, PerSourcePenalties) without a word, or with one of these.
 * `greeting`: what came before the connection was closed.
 */
export const soundsFull = (greeting: string): boolean =>
  greeting === '' || /MaxStartups|Not allowed at this time/.test(greeting);

const isFull = (error: unknown): boolean => error instanceof Fail && error.context['full'] === true;

/** Tries again after failures that may pass, and after no others. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  options: { readonly signal: AbortSignal; readonly onRetry: (error: Fail, afterMs: number) => void },
): Promise<T> {
  for (const [tries, delay] of delaysWhileFull.entries()) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error) || (tries >= delays.length && !isFull(error))) throw error;
      const wait = Math.round(scattered(delay));
      options.onRetry(error, wait);
      await pause(wait, undefined, { signal: options.signal }).catch(() => {
        throw interrupted(options.signal, error.message);
      });
    }
  }
  return await attempt();
}
