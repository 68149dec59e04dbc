import type { Config } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import type { Network, RunPlugin } from './pod-network.ts';

export interface NetworkOptions {
  readonly cni: Config['cni'];
  /** Folder for records, on tmpfs; made when missing. */
  readonly stateDir: string;
  readonly runPlugin: RunPlugin;
}

/** The pod networks of this node, as the CNI configuration in `cni.networkDir` describes them. */
export const createNetwork = (_options: NetworkOptions): Network => {
  throw new Fail('Unimplemented', 'createNetwork');
};
