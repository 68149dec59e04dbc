import { setTimeout as sleep } from 'node:timers/promises';
import type { Fail } from '../../core/fail.ts';

const ATTEMPTS = 5;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 60_000;

/** A failure that may go away by itself. When it does not, callers see `fail`. */
export class Transient extends Error {
  readonly fail: Fail;
  /** The server's Retry-After. */
  readonly retryAfterMs: number | undefined;

  constructor(fail: Fail, retryAfterMs?: number) {
    super(fail.message, { cause: fail });
    this.fail = fail;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Runs `attempt` until it succeeds, fails for good, or was tried often enough. */
export const withRetries = async <T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      if (count >= ATTEMPTS) throw error.fail;
      await backOff(count, signal, error.retryAfterMs);
    }
  }
};

/** Waits before try number `failures + 1`: twice as long each time, spread so that many nodes do not come at once. */
export const backOff = async (failures: number, signal: AbortSignal, atLeastMs = 0): Promise<void> => {
  const delay = FIRST_DELAY_MS * 2 ** (failures - 1) * (0.5 + Math.random());
  await sleep(Math.min(Math.max(delay, atLeastMs), LONGEST_DELAY_MS), undefined, { signal });
};

/** Milliseconds of a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3). */
export const retryAfterMs = (header: string | undefined): number | undefined => {
  if (header === undefined) return undefined;
  if (/^[0-9]+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
};

const BROKEN_CONNECTION = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', 'EAI_AGAIN']);

/** True for a connection that broke under us, as opposed to one that was refused or not trusted. */
export const isBrokenConnection = (error: unknown): boolean => BROKEN_CONNECTION.has(codeOf(error) ?? '');

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
