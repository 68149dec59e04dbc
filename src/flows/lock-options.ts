import type { Lock } from '../artifacts/lock/lock.ts';
import type { Architecture } from '../artifacts/pins.ts';
import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';

export interface LockOptions {
  readonly architectures: readonly Architecture[];
  /** Also the packages of the distributions, which only hosts can tell. */
  readonly packages: boolean;
  /** Resolve the packages on a bare host of this distribution, e.g. `debian:12`; undefined: on the hosts of the profile. */
  readonly base?: string;
  /** Names of what is taken anew although the lock has it: `crictl`, `image`, `packages` or one package; `all`: everything. */
  readonly upgrade: readonly string[] | 'all';
}

export const isUpgraded = ({ upgrade }: LockOptions, name: string): boolean =>
  upgrade === 'all' || upgrade.includes(name);

/** Beside packages by their names. */
const parts = ['crictl', 'image', 'packages'];

/** @throws Fail `BadUsage` for a name that the lock does not have: nothing would be taken anew for it */
export function requireUpgradable({ upgrade }: LockOptions, lock: Lock | undefined, file: string): void {
  if (upgrade === 'all') return;
  const locked = Object.values(lock?.packages ?? {}).flatMap(({ packages }) => Object.keys(packages));
  const artifacts = Object.keys(lock?.artifacts ?? {}).map((key) => key.split(' ')[0] ?? key);
  const known = [...new Set([...parts, ...artifacts, ...locked])];
  const unknown = upgrade.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const guess = nearest(unknown, known);
  throw new Fail('BadUsage', `--upgrade names ${unknown}, which ${file} does not have`, {
    hint:
      guess === undefined
        ? `it may name ${parts.join(', ')}, and packages that are locked already`
        : `did you mean ${guess}?`,
  });
}
