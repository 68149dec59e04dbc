import { chownSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import { asFail } from '../linux/as-fail.ts';
import { makeClosedFolder } from '../linux/closed-folder.ts';
import { FileSystemMagic, fileSystemOf } from '../linux/file-system.ts';
import type { MountEntry } from '../linux/mount-table.ts';
import { mountOverlay, mountTable, type OverlayRequest, unmount } from '../linux/mounts.ts';
import { hasErrno, SystemCallFailed } from '../linux/system-call-failed.ts';
import type { ContainerFolders } from './folders.ts';
import { type Layers, withLayers } from './layers.ts';
import { removeFolder } from './remove-folder.ts';

/**
 * Mounts the container's root file system: a fresh writable layer over the image's layers. In a user namespace the
 * writable layer belongs to its root, and holds the ids as the host numbers them. `label`: the SELinux label of all files.
 */
export const mountRootfs = (folders: ContainerFolders, layers: Layers, label?: string): void => {
  const { uids, gids } = layers.users?.mappings ?? {};
  makeClosedFolder(folders.disk, gids?.hostID);
  for (const folder of [folders.upper, folders.work, folders.merged]) mkdirSync(folder);
  if (uids !== undefined && gids !== undefined) chownSync(folders.upper, uids.hostID, gids.hostID);
  withLayers(layers, join(folders.staged, 'layers'), (lower) => {
    try {
      const options = label === undefined ? [] : [`context="${label}"`];
      mountVolatile({ lower, upper: folders.upper, work: folders.work, target: folders.merged, options });
    } catch (cause) {
      throw overlayRefused(folders, cause);
    }
  });
};

/**
 * What a container writes ends with it, and with the machine: nothing of it need be synced. Without `volatile` the
 * kernel syncs the whole file system below, with whatever others have written there, whenever a container is removed.
 */
const mountVolatile = (request: OverlayRequest): void => {
  try {
    mountOverlay({ ...request, options: [...(request.options ?? []), 'volatile'] });
  } catch (error) {
    if (!hasErrno(error, 'EINVAL')) throw error;
    mountOverlay(request); // Linux before 5.10 has no such option
  }
};

/** Unmounts it and removes what the container wrote. Idempotent. */
export const removeRootfs = async (folders: ContainerFolders): Promise<void> => {
  unmountNow(folders.merged);
  removeMountPoint(folders);
  await removeFolder(folders.disk);
};

/**
 * The container has ended, but a process may still be in its files for a moment: an exec that is being refused, somebody
 * who looks at them. It keeps what it has open; nobody else finds them any more.
 */
const unmountNow = (target: string): void => {
  try {
    unmountIfMounted(target);
  } catch (error) {
    if (!hasErrno(error, 'EBUSY')) throw error;
    unmountIfMounted(target, { detach: true });
  }
};

const unmountIfMounted = (...[target, options]: Parameters<typeof unmount>): void => {
  try {
    unmount(target, options);
  } catch (error) {
    if (!hasErrno(error, 'EINVAL', 'ENOENT')) throw error;
  }
};

/**
 * A mount point is busy as long as anything is mounted on it anywhere in our mount namespace. Where mounts are not
 * shared, copies of it stay in copies of the folders above: in a volume that holds them and is staged for another
 * container at this moment, in a bind mount of somebody's.
 */
const removeMountPoint = ({ merged, upper }: ContainerFolders): void => {
  try {
    rmdirSync(merged);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTEMPTY')) return; // or nothing was ever mounted there
    if (!hasErrno(error, 'EBUSY')) throw error;
    for (const { mountPoint } of copiesOf(upper)) unmountIfMounted(mountPoint, { detach: true });
    rmdirSync(merged);
  }
};

/** Mounts with that writable layer; those alone that are not hidden below another, which has their name. */
const copiesOf = (upper: string): readonly MountEntry[] => {
  const topmost = new Map(mountTable().map((entry) => [entry.mountPoint, entry]));
  return [...topmost.values()].filter(
    ({ type, superOptions }) => type === 'overlay' && superOptions.includes(`upperdir=${upper}`),
  );
};

/** The kernel says EINVAL for an upper layer that itself lies on an overlay, and no more. */
const overlayRefused = ({ disk, merged }: ContainerFolders, error: unknown): Fail => {
  if (fileSystemOf(disk).magic === FileSystemMagic.overlay)
    return new Fail('FailedPrecondition', `${disk} lies on an overlay, which cannot carry writable layers`, {
      cause: error,
      hint: 'set [crio.berth] root to a folder on ext4, xfs, btrfs or tmpfs',
    });
  const { code, hint } = asFail(error);
  const what = `cannot mount the root file system at ${merged}: ${error instanceof SystemCallFailed ? error.errno : String(error)}`;
  if (hasErrno(error, 'ENOENT'))
    return new Fail('Internal', what, {
      cause: error,
      hint: 'a layer is gone from the disk: remove the image and pull it again',
    });
  return new Fail(code, what, { cause: error, ...(hint === undefined ? {} : { hint }) });
};
