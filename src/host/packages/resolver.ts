import { readFile } from 'node:fs/promises';
import type { LockedPackage } from '../../artifacts/lock/lock.ts';

export interface Wanted {
  readonly manager: 'apt' | 'dnf';
  readonly names: readonly string[];
  /** Versions to hold where the repositories still have them, by name. */
  readonly held: Readonly<Record<string, LockedPackage>>;
}

/** How one package manager is asked what it would download. */
export interface Resolver {
  /** For the host: prints topics, the last of which is `end`. */
  script(wanted: Wanted): Promise<string>;
  /** By name. @throws Fail for what must not be locked */
  packagesIn(
    topics: ReadonlyMap<string, readonly (readonly string[])[]>,
    names: readonly string[],
  ): Record<string, LockedPackage>;
  /** Lines in which it says why it cannot. */
  readonly complaint: RegExp;
}

/** A script of this folder; it is read while berth starts, and missed when it is needed. */
export function scriptText(name: string): Promise<string> {
  const text = readFile(new URL(`./${name}`, import.meta.url), 'utf8');
  text.catch(() => {});
  return text;
}
