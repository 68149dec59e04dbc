import { Fail } from '../core/fail.ts';
import type { CgroupHost } from './cgroup-host.ts';

/** Makes the parent cgroup in every hierarchy (cgroupfs driver; systemd makes its own slices). Idempotent. */
export const createCgroup = async (_host: CgroupHost, _path: string): Promise<void> => {
  throw new Fail('Unimplemented', 'createCgroup');
};

/** Removes the cgroup and empty ones below it; one that still has processes stays. Not an error when it is gone. */
export const removeCgroup = async (_host: CgroupHost, _path: string): Promise<void> => {
  throw new Fail('Unimplemented', 'removeCgroup');
};
