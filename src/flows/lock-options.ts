import type { Architecture } from '../artifacts/pins.ts';

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
