import type { Concern } from './concern.ts';
import { berthAsks, berthResources } from './engine-berth.ts';
import { engineConfig, engineConfigFile } from './engine-config.ts';
import { crioAsks, crioResources } from './engine-crio.ts';

/**
 * The CRI runtime with its services. Everything that it reads is the same whichever it is; what the other one has on the
 * host is asked for too, since a profile may change its mind.
 */
export const engine: Concern = {
  asks: () => {
    const [berth, crio] = [berthAsks(), crioAsks()];
    return {
      files: [engineConfigFile, ...berth.files, ...crio.files],
      units: [...berth.units, ...crio.units],
    };
  },
  resources: (given) => ({
    resources: [
      engineConfig(given),
      ...(given.spec.engine.name === 'berth' ? berthResources(given) : crioResources(given)),
    ],
  }),
};
