import { requireAlive } from '../containers/record.ts';
import { killContainer } from '../containers/stop.ts';
import { criLimits, furtherLimits } from '../nri/limits.ts';
import type { Appliance } from '../nri/orders.ts';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import { setResources } from './update-container-resources.ts';

const EVICTION_TIMEOUT_MS = 60_000;

/**
 * What NRI plugins can have done. Not in the queue of the container's pod: a plugin may ask for it while another
 * operation in that queue waits for the plugin.
 */
export const nriOrders = (daemon: () => Daemon): Appliance => ({
  update: async (id, limits) => {
    requireAlive(seenContainer(daemon(), id), 'update');
    await setResources(daemon(), id, criLimits(limits), furtherLimits(limits), daemon().log);
  },
  evict: async (id) => {
    const container = seenContainer(daemon(), id);
    await killContainer(daemon(), container, AbortSignal.timeout(EVICTION_TIMEOUT_MS));
  },
});
