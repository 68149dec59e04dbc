import { containerFolders } from '../../containers/folders.ts';
import type { ContainerRecord } from '../../containers/record.ts';
import { cgroupDriverOf } from '../../oci/runtime-command.ts';
import type { PodContext } from '../../pods/context.ts';
import { stateOf } from '../../pods/record.ts';
import {
  type CgroupDriver,
  containerCgroup,
  parentFolder,
  podCgroupParent,
} from '../../resources/cgroup-paths.ts';
import type { Measured } from '../../resources/usage/collect.ts';

/** The container's folder below each hierarchy. */
export const cgroupOfContainer = ({ pods }: Pick<PodContext, 'pods'>, record: ContainerRecord): string => {
  const driver = cgroupDriverOf(record.runtime);
  const requested = pods.get(record.podId)?.config.linux?.cgroupParent ?? '';
  return containerCgroup(driver, podCgroupParent(driver, requested), record.id).path;
};

export const measured = (daemon: Pick<PodContext, 'pods' | 'roots'>, record: ContainerRecord): Measured => ({
  id: record.id,
  cgroup: cgroupOfContainer(daemon, record),
  layer: containerFolders(daemon.roots, record.id).upper,
});

/**
 * The cgroups that clients made for one pod alone, as the kubelet does: pod id → folder. A pod that has none, or
 * shares it with others, is not in it: what such a cgroup uses is not what the pod uses.
 */
export const ownCgroups = (
  { pods }: Pick<PodContext, 'pods'>,
  driver: CgroupDriver,
): ReadonlyMap<string, string> => {
  // A pod that is not ready is one that another has replaced.
  const ready = pods.list().filter((pod) => stateOf(pod) === 'ready');
  const byParent = Map.groupBy(ready, ({ config }) => config.linux?.cgroupParent ?? '');
  const own = new Map<string, string>();
  for (const [parent, [pod, ...others]] of byParent) {
    if (parent === '' || pod === undefined || others.length > 0) continue;
    own.set(pod.id, parentFolder(driver, podCgroupParent(driver, parent)));
  }
  return own;
};
