import { containerFolders } from '../../containers/folders.ts';
import type { ContainerRecord } from '../../containers/record.ts';
import { cgroupDriverOf } from '../../oci/runtime-command.ts';
import type { PodContext } from '../../pods/context.ts';
import { type PodRecord, stateOf } from '../../pods/record.ts';
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
 * The cgroup that a client made for this pod alone, as the kubelet does; undefined when the pod has none, or shares
 * it with others: what such a cgroup uses is not what the pod uses.
 */
export const ownCgroup = (
  { pods }: Pick<PodContext, 'pods'>,
  driver: CgroupDriver,
  pod: PodRecord,
): string | undefined => {
  const requested = parentOf(pod);
  if (requested === '') return undefined;
  // A pod that is not ready is one that this one has replaced.
  const shared = pods
    .list()
    .some((other) => other !== pod && stateOf(other) === 'ready' && parentOf(other) === requested);
  if (shared) return undefined;
  return parentFolder(driver, podCgroupParent(driver, requested));
};

const parentOf = ({ config }: PodRecord): string => config.linux?.cgroupParent ?? '';
