import type { ContainerContext, ContainerHooks } from '../containers/context.ts';
import type { Network } from '../network/pod-network.ts';
import type { PodRecord, Pods } from './record.ts';

export interface PodHooks extends ContainerHooks {
  /** Nobody is told of anything. */
  readonly idle: boolean;
  /** Its containers have ended; it still has its network and its namespaces. */
  podStopped(record: PodRecord): Promise<void> | undefined;
  /** It is gone but for its record. */
  podRemoved(record: PodRecord): Promise<void> | undefined;
}

/** What the verbs of this room work with. */
export interface PodContext extends ContainerContext {
  readonly pods: Pods;
  readonly network: Network;
  readonly hooks: PodHooks;
}
