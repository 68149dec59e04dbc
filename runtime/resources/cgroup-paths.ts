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

/** The pod's parent cgroup from PodSandboxConfig.linux.cgroupParent; empty: `system.slice`, `/berth` under cgroupfs. */
export const podCgroupParent = (_driver: CgroupDriver, _requested: string): string => {
  throw new Fail('Unimplemented', 'podCgroupParent');
};

/** Fails `InvalidArgument` when the parent does not fit the driver. `parent` as `podCgroupParent` returned it. */
export const containerCgroup = (
  _driver: CgroupDriver,
  _parent: string,
  _containerId: string,
): CgroupLocation => {
  throw new Fail('Unimplemented', 'containerCgroup');
};
