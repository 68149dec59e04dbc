import type { CgroupHost } from '../cgroup-host.ts';
import { readV1 } from './read-v1.ts';
import { readV2 } from './read-v2.ts';
import type { CgroupReader } from './usage.ts';

/** The reader for what this machine has mounted; on a hybrid host the controllers are on v1. */
export const cgroupReader = (host: CgroupHost): CgroupReader =>
  host.mode === 'v2' ? readV2(host) : readV1(host);
