import type { ContainerRecord } from '../../containers/record.ts';
import type { PodRecord } from '../../pods/record.ts';
import type { CgroupUsage, ContainerUsage } from '../../resources/usage/collect.ts';
import type { InterfaceUsage } from '../../resources/usage/interfaces.ts';

/** A container and what it used when it was looked at. */
export interface SeenContainer {
  readonly record: ContainerRecord;
  readonly usage: ContainerUsage;
  /** Where writable layers are: the path that ImageFsInfo names, by which the kubelet knows the file system. */
  readonly mountpoint: string;
}

/** A pod and what it used when it was looked at. */
export interface SeenPod {
  readonly record: PodRecord;
  readonly usage: CgroupUsage;
  /** Threads, as the pids limit counts them; undefined: nobody counts. */
  readonly tasks: number | undefined;
  /** Undefined for a pod in the host's network: the traffic there is not the pod's. */
  readonly network: PodTraffic | undefined;
  readonly containers: readonly SeenContainer[];
}

export interface PodTraffic {
  /** The interface of the pod's first network. */
  readonly main: InterfaceUsage | undefined;
  readonly others: readonly InterfaceUsage[];
}
