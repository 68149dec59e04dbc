import { readdir } from 'node:fs/promises';
import { hasErrno } from '../linux/system-call-failed.ts';
import type { ContainerState } from '../shim/protocol/messages.ts';
import { removeSpec } from './bundle.ts';
import type { ContainerContext } from './context.ts';
import { unknownExit } from './exits.ts';
import { bundles, containerFolders, stagedMounts, writableLayers } from './folders.ts';
import { type ContainerRecord, stateOf } from './record.ts';
import { removeRootfs } from './rootfs.ts';
import { removeStaged } from './staged-mounts.ts';

const SETTLE_TIMEOUT_MS = 60_000;

/**
 * Brings a record into line with what the shim has, after either of the two was away. In the pod's queue,
 * hence never in the middle of an operation: a record in state `making` was left behind by a dead daemon.
 */
export const settleContainer = async (
  context: ContainerContext,
  record: ContainerRecord,
  known: ContainerState | undefined,
): Promise<void> => {
  if (stateOf(record) === 'making') return unwindMaking(context, record);
  if (record.exit !== null) return;
  if (known === undefined) return context.exits.record(record.id, unknownExit());
  const { startedAtNs, exit } = known;
  // The daemon may have died between calling `start` and hearing its answer.
  if (record.startedAtNs === null && startedAtNs !== null)
    context.containers.update(record.id, (before) => ({ ...before, startedAtNs: BigInt(startedAtNs) }));
  if (exit !== null) context.exits.record(record.id, exit);
};

const unwindMaking = async (context: ContainerContext, record: ContainerRecord): Promise<void> => {
  await context.shim.call('delete', { id: record.id }, AbortSignal.timeout(SETTLE_TIMEOUT_MS));
  await removeLeftovers(context, record.id);
  context.containers.remove(record.id);
  context.log.info('unwound a container that was being made', { container: record.id });
};

/** Ends and deletes what the shim has and no record names. */
export const endStray = async (context: ContainerContext, id: string): Promise<void> => {
  await context.shim.call('delete', { id }, AbortSignal.timeout(SETTLE_TIMEOUT_MS));
  await removeLeftovers(context, id);
  context.log.warn('removed a container without a record', { container: id });
};

/**
 * Unmounts and removes the writable layers and bundles of containers without a record: a reboot leaves the former. A pod
 * may have a bundle too.
 */
export const removeStrayFolders = async (
  context: ContainerContext,
  isPod: (id: string) => boolean,
): Promise<void> => {
  const found = await Promise.all(
    [writableLayers, bundles, stagedMounts].map((folder) => entries(folder(context.roots))),
  );
  const stray = new Set(found.flat().filter((id) => context.containers.get(id) === undefined && !isPod(id)));
  for (const id of stray) {
    try {
      await removeLeftovers(context, id);
      context.log.info('removed what a container left behind', { container: id });
    } catch (error) {
      // The next start tries again; what stays is no reason not to serve.
      context.log.error('cannot remove what a container left behind', { container: id, error });
    }
  }
};

const removeLeftovers = async ({ roots }: ContainerContext, id: string): Promise<void> => {
  const folders = containerFolders(roots, id);
  removeStaged(folders);
  await removeRootfs(folders);
  removeSpec(roots, id);
};

/** Names in the folder; none when there is no such folder. */
export const entries = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
};
