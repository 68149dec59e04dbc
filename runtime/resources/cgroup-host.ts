import { Fail } from '../core/fail.ts';

export type CgroupMode = 'v1' | 'hybrid' | 'v2';

/** The cgroup hierarchies that this machine has mounted. */
export interface CgroupHost {
  /** `v1`: no cgroup2 mount; `hybrid`: controllers on v1, a cgroup2 mount without them; `v2`: cgroup2 alone. */
  readonly mode: CgroupMode;
  /** Controller (v1 and hybrid: also `name=systemd`) → mount point of its hierarchy. On v2 all map to the one mount. */
  readonly controllers: ReadonlyMap<string, string>;
  /** Mount point of cgroup2, on v2 and hybrid. */
  readonly unified: string | undefined;
}

/** Reads what is mounted where. Fails `FailedPrecondition` when no cgroup file system is. */
export const detectCgroups = async (): Promise<CgroupHost> => {
  throw new Fail('Unimplemented', 'detectCgroups');
};
