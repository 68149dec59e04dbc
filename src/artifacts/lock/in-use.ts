import { Fail } from '../../core/fail.ts';
import type { CachedFile } from '../cache.ts';
import type { Architecture } from '../pins.ts';
import type { Lock } from './lock.ts';

/** The lock that decides in this run. */
export interface LockInUse {
  readonly lock: Lock;
  /** For messages. */
  readonly file: string;
  /** Everything is in this bundle: nothing is fetched. Undefined: there is none. */
  readonly bundle?: BundleInUse;
}

export interface BundleInUse {
  readonly file: string;
  /** Checked files in the cache, by their paths in the bundle. */
  readonly members: ReadonlyMap<string, CachedFile>;
}

/** The remedy is always the same; `what` completes "berth.lock lacks". */
export const notLocked = (file: string, what: string): Fail =>
  new Fail('NotLocked', `${file} lacks ${what}`, {
    hint: 'run berth lock, look at what it changed, and keep it',
  });

/** What an architecture has in a part of the lock. @throws Fail `NotLocked` */
export function lockedFor<Value>(
  part: Partial<Record<Architecture, Value>> | undefined,
  arch: Architecture,
  { file }: LockInUse,
  what: string,
): Value {
  const value = part?.[arch];
  if (value === undefined) throw notLocked(file, `${what} for ${arch}`);
  return value;
}

/** A locked file that no way leads to any more. */
export const notInBundle = ({ file }: BundleInUse, what: string): Fail =>
  new Fail('Fetch', `${file} lacks ${what}`, { hint: 'make the bundle again with berth bundle' });
