import { posix } from 'node:path';
import type { Config } from '../config/config.ts';
import { Fail } from '../core/fail.ts';

export type CgroupDriver = Config['cgroupManager'];

/**
 * Where one container's cgroup is.
 * `ociPath` is config.json's linux.cgroupsPath (`slice:berth:id` under systemd);
 * `path` the folder below each hierarchy's mount point, as /proc/PID/cgroup shows it.
 */
export interface CgroupLocation {
  readonly ociPath: string;
  readonly path: string;
}

const PREFIX = 'berth';
const DEFAULT_PARENT: Readonly<Record<CgroupDriver, string>> = {
  systemd: 'system.slice',
  cgroupfs: '/berth',
};

/** systemd.slice(5): dashes separate levels, so none may be empty; `-.slice` is the root. */
const SLICE = /^(?:[A-Za-z0-9_.:\\]+(?:-[A-Za-z0-9_.:\\]+)*|-)\.slice$/;
const SAFE_PATH = /^[A-Za-z0-9_.:@\\/-]+$/;

/**
 * The pod's parent cgroup from PodSandboxConfig.linux.cgroupParent: a slice name under systemd, an absolute
 * path under cgroupfs. Empty: `system.slice` or `/berth`. Fails `InvalidArgument` when it does not fit the driver.
 */
export const podCgroupParent = (driver: CgroupDriver, requested: string): string => {
  if (requested === '') return DEFAULT_PARENT[driver];
  return driver === 'systemd' ? sliceName(requested) : folderPath(requested);
};

/** The kubelet sends the slice's whole path; systemd wants its name, which says where it is. */
const sliceName = (requested: string): string => {
  const name = posix.basename(requested);
  if (SLICE.test(name)) return name;
  throw misfit(requested, 'systemd', 'a slice such as kubepods-burstable.slice', 'cgroupfs');
};

const folderPath = (requested: string): string => {
  const valid = SAFE_PATH.test(requested) && !requested.split('/').includes('..');
  if (valid && !requested.endsWith('.slice')) return posix.join('/', requested).replace(/(.)\/$/, '$1');
  throw misfit(requested, 'cgroupfs', 'a path such as /kubepods/burstable', 'systemd');
};

const misfit = (requested: string, driver: CgroupDriver, wanted: string, other: CgroupDriver): Fail =>
  new Fail('InvalidArgument', `linux.cgroup_parent ${JSON.stringify(requested)} is not ${wanted}`, {
    hint: `cgroup_manager is ${driver}; if the kubelet's cgroupDriver is ${other}, make the two the same`,
  });

/** `parent` as `podCgroupParent` returned it. */
export const containerCgroup = (
  driver: CgroupDriver,
  parent: string,
  containerId: string,
): CgroupLocation => {
  if (driver === 'systemd') {
    return {
      ociPath: `${parent}:${PREFIX}:${containerId}`,
      path: posix.join(parentFolder(driver, parent), `${PREFIX}-${containerId}.scope`),
    };
  }
  const path = posix.join(parent, `${PREFIX}-${containerId}`);
  return { ociPath: path, path };
};

/** The parent's folder below each mount point: `a-b.slice` is /a.slice/a-b.slice. */
export const parentFolder = (driver: CgroupDriver, parent: string): string => {
  if (driver === 'cgroupfs') return parent;
  if (parent === '-.slice') return '/';
  const levels = parent.slice(0, -'.slice'.length).split('-');
  return `/${levels.map((_, index) => `${levels.slice(0, index + 1).join('-')}.slice`).join('/')}`;
};
