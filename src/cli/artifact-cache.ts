import { join } from 'node:path';
import { embeddedFolder } from '../inventory/embedded/places.ts';
import type { HostEntry } from '../profile/profile.ts';

/**
 * Artifacts for embedded hosts are kept in the folder of these hosts, so that removing it leaves nothing
 * behind; those for other hosts in the user's cache. BERTH_CACHE overrides both.
 */
export const chooseArtifactCache = (hosts: readonly HostEntry[]): void => {
  if (hosts.length > 0 && hosts.every((host) => host.address.kind === 'embedded'))
    process.env['BERTH_CACHE'] ||= join(embeddedFolder(), 'cache');
};
