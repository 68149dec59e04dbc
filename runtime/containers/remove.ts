import { removeSpec } from './bundle.ts';
import type { ContainerContext } from './context.ts';
import { containerFolders } from './folders.ts';
import type { ContainerRecord } from './record.ts';
import { removeRootfs } from './rootfs.ts';
import { killContainer } from './stop.ts';

/**
 * Ends the container if it runs, and takes away all that there is of it; its log stays, which is the
 * kubelet's. Idempotent, and the record goes last: cut short anywhere, the next call does the rest.
 */
export const removeContainer = async (
  context: ContainerContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<void> => {
  await killContainer(context, record, signal);
  await context.shim.call('delete', { id: record.id }, signal);
  await removeRootfs(containerFolders(context.roots, record.id));
  removeSpec(context.roots, record.id);
  context.containers.remove(record.id);
};
