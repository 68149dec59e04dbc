import { removeSpec } from './bundle.ts';
import type { ContainerContext } from './context.ts';
import { unknownExit } from './exits.ts';
import { containerFolders } from './folders.ts';
import type { ContainerRecord } from './record.ts';
import { removeRootfs } from './rootfs.ts';

/**
 * Ends the container if it runs, and takes away all that there is of it; its log stays, which is the
 * kubelet's. Idempotent, and the record goes last: cut short anywhere, the next call does the rest.
 */
export const removeContainer = async (
  context: ContainerContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<void> => {
  await discardContainer(context, record, signal);
  await removeDiscarded(context, record);
};

/**
 * SIGKILL, the end, and the runtime's `delete`, in one call of the shim. What the container wrote and its record
 * stay. Idempotent.
 */
export const discardContainer = async (
  { shim, containers, exits }: ContainerContext,
  { id }: ContainerRecord,
  signal: AbortSignal,
): Promise<void> => {
  await shim.call('delete', { id }, signal);
  // The shim tells an end on the same connection and before it answers, so that one not told is one that nobody saw.
  if (containers.get(id)?.exit === null) exits.record(id, unknownExit());
};

/** What `discardContainer` leaves. */
export const removeDiscarded = async (
  { roots, containers, hooks }: ContainerContext,
  record: ContainerRecord,
): Promise<void> => {
  const { id } = record;
  await removeRootfs(containerFolders(roots, id));
  const told = hooks.containerRemoved(record);
  if (told !== undefined) await told;
  removeSpec(roots, id);
  containers.remove(id);
};
