import { readFile } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import { type MountEntry, parseMountTable } from '../linux/mount-table.ts';

export type CgroupMode = 'v1' | 'hybrid' | 'v2';

/** The cgroup hierarchies that this machine has mounted. */
export interface CgroupHost {
  /** `v1`: no cgroup2 mount; `hybrid`: controllers on v1, a cgroup2 mount beside them; `v2`: cgroup2 alone. */
  readonly mode: CgroupMode;
  /** Controller (v1 and hybrid: also `name=systemd`) → mount point of its hierarchy. On v2 all map to the one mount. */
  readonly controllers: ReadonlyMap<string, string>;
  /** Mount point of cgroup2, on v2 and hybrid. */
  readonly unified: string | undefined;
}

const CONTROLLERS: ReadonlySet<string> = new Set([
  'blkio',
  'cpu',
  'cpuacct',
  'cpuset',
  'devices',
  'freezer',
  'hugetlb',
  'memory',
  'misc',
  'net_cls',
  'net_prio',
  'perf_event',
  'pids',
  'rdma',
]);

/** Reads what is mounted where. Fails `FailedPrecondition` when no cgroup file system is. */
export const detectCgroups = async (): Promise<CgroupHost> => {
  const mounts = cgroupMounts(parseMountTable(await readFile('/proc/self/mountinfo', 'utf8')));
  if (mounts.v1.size > 0) {
    return { mode: mounts.v2 === undefined ? 'v1' : 'hybrid', controllers: mounts.v1, unified: mounts.v2 };
  }
  const unified = mounts.v2;
  if (unified === undefined) {
    throw new Fail('FailedPrecondition', 'no cgroup file system is mounted', {
      hint: 'mount cgroup2 at /sys/fs/cgroup',
    });
  }
  const names = (await readFile(`${unified}/cgroup.controllers`, 'utf8')).split(/\s+/).filter(Boolean);
  return { mode: 'v2', controllers: new Map(names.map((name) => [name, unified])), unified };
};

/**
 * The cgroup mounts among all. A controller that is mounted twice counts where /sys/fs/cgroup has it.
 * A v1 hierarchy without a controller (`name=systemd`) alone does not make a v1 host.
 */
export const cgroupMounts = (
  table: readonly MountEntry[],
): { readonly v1: ReadonlyMap<string, string>; readonly v2: string | undefined } => {
  const v1 = new Map<string, string>();
  let v2: string | undefined;
  for (const { type, mountPoint, superOptions } of table) {
    if (type === 'cgroup2') v2 = preferred(v2, mountPoint);
    if (type !== 'cgroup') continue;
    for (const option of superOptions) {
      if (CONTROLLERS.has(option) || option.startsWith('name=')) {
        v1.set(option, preferred(v1.get(option), mountPoint));
      }
    }
  }
  const hasController = [...v1.keys()].some((name) => CONTROLLERS.has(name));
  return { v1: hasController ? v1 : new Map(), v2 };
};

const preferred = (earlier: string | undefined, later: string): string =>
  earlier === undefined || (later.startsWith('/sys/fs/cgroup') && !earlier.startsWith('/sys/fs/cgroup'))
    ? later
    : earlier;

/** The mount points of all hierarchies, each once. */
export const hierarchies = (host: CgroupHost): readonly string[] => [
  ...new Set([...host.controllers.values(), ...(host.unified === undefined ? [] : [host.unified])]),
];
