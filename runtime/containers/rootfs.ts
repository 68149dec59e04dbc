import { chownSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import { makeClosedFolder } from '../linux/closed-folder.ts';
import { FileSystemMagic, fileSystemOf } from '../linux/file-system.ts';
import { mountOverlay, unmount } from '../linux/mounts.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import type { ContainerFolders } from './folders.ts';
import { type Layers, withLayers } from './layers.ts';

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
      mountOverlay({ lower, upper: folders.upper, work: folders.work, target: folders.merged, options });
    } catch (cause) {
      throw overlayRefused(folders, cause);
    }
  });
};

/** While a volume that has our folders below it is staged for another container, the mount point counts as busy. */
const BUSY_FOR_A_MOMENT = { maxRetries: 5, retryDelay: 20 };

/** Unmounts it and removes what the container wrote. Idempotent; a mount that is busy stays, with its files. */
export const removeRootfs = async (folders: ContainerFolders): Promise<void> => {
  try {
    unmount(folders.merged);
  } catch (error) {
    if (!hasErrno(error, 'EINVAL', 'ENOENT')) throw error; // nothing is mounted there
  }
  await rm(folders.disk, { recursive: true, force: true, ...BUSY_FOR_A_MOMENT });
};

/** The kernel says EINVAL for an upper layer that itself lies on an overlay, and no more. */
const overlayRefused = (folders: ContainerFolders, cause: unknown): Fail =>
  fileSystemOf(folders.disk).magic === FileSystemMagic.overlay
    ? new Fail(
        'FailedPrecondition',
        `${folders.disk} lies on an overlay, which cannot carry writable layers`,
        {
          cause,
          hint: 'set [crio.berth] root to a folder on ext4, xfs, btrfs or tmpfs',
        },
      )
    : new Fail('Internal', `cannot mount the root file system at ${folders.merged}`, { cause });
