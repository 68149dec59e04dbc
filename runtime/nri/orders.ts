import { failedWith } from '../core/fail.ts';
import type { Log } from '../observe/log.ts';
import type { ContainerEviction, ContainerUpdate, LinuxResources } from '../spec/ttrpc/nri/api_pb.js';
import type { Updates } from './merge-updates.ts';

/** What plugins can have done to containers that are there. */
export interface Appliance {
  update(containerId: string, limits: LinuxResources): Promise<void>;
  evict(containerId: string, reason: string): Promise<void>;
}

/** Carries out what one plugin asks for; returns the updates that failed and may not. */
export const carryOut = async (
  appliance: Appliance,
  updates: readonly ContainerUpdate[],
  plugin: string,
  log: Log,
): Promise<ContainerUpdate[]> => {
  const failed: ContainerUpdate[] = [];
  for (const update of updates) {
    const { containerId, linux, ignoreFailure } = update;
    if (linux?.resources === undefined) continue;
    const done = await updated(appliance, containerId, linux.resources, { plugin, log });
    if (!done && !ignoreFailure) failed.push(update);
  }
  return failed;
};

/** Carries out what the plugins together ask for. One that cannot be, and may not fail, is told in the log. */
export const carryOutAll = async (appliance: Appliance, { resources }: Updates, log: Log): Promise<void> => {
  for (const [id, { limits }] of resources) await updated(appliance, id, limits, { log });
};

const updated = async (
  appliance: Appliance,
  container: string,
  limits: LinuxResources,
  { plugin, log }: { readonly plugin?: string; readonly log: Log },
): Promise<boolean> => {
  try {
    await appliance.update(container, limits);
    return true;
  } catch (error) {
    // It may have gone while the plugin thought about it.
    if (!failedWith(error, 'NotFound'))
      log.error('cannot update a container as NRI plugins ask for it', { plugin, container, error });
    return false;
  }
};

export const evictAll = async (
  appliance: Appliance,
  evictions: readonly ContainerEviction[],
  log: Log,
): Promise<void> => {
  for (const { containerId: container, reason } of evictions) {
    try {
      log.warn('an NRI plugin has a container evicted', { container, reason });
      await appliance.evict(container, reason);
    } catch (error) {
      log.error('cannot evict a container', { container, error });
    }
  }
};
