import type { ContainerContext } from '../containers/context.ts';
import type { Network } from '../network/pod-network.ts';
import type { Pods } from './record.ts';

/** What the verbs of this room work with. */
export interface PodContext extends ContainerContext {
  readonly pods: Pods;
  readonly network: Network;
}
