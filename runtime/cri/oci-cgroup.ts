import type { Config } from '../config/config.ts';
import type { PodRecord } from '../pods/record.ts';
import { containerCgroup, podCgroupParent } from '../resources/cgroup-paths.ts';

/** The cgroup of a container, or of the pod's own process, as config.json names it. */
export const ociCgroup = (
  { cgroupManager }: Pick<Config, 'cgroupManager'>,
  { config }: PodRecord,
  id: string,
): string => {
  const parent = podCgroupParent(cgroupManager, config.linux?.cgroupParent ?? '');
  return containerCgroup(cgroupManager, parent, id).ociPath;
};
