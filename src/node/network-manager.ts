import { type Concern, rendered } from './concern.ts';

const unit = 'NetworkManager.service';
const file = '/etc/NetworkManager/conf.d/90-berth.conf';

/**
 * NetworkManager takes over bridges that appear and gives them addresses of its own, or takes their own away. The wires
 * of pods need no mention: its own udev rules leave veth devices alone.
 */
export const networkManager: Concern = {
  asks: () => ({ files: [file], units: [unit] }),
  resources: ({ spec, facts, render }) => ({
    resources:
      facts.units.get(unit)?.loaded === true
        ? [
            rendered(
              render,
              file,
              { bridges: spec.cni.networks.map(({ bridge }) => bridge) },
              { readBy: [unit] },
            ),
          ]
        : [],
  }),
};
