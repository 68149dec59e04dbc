import { mkdirSync, rmdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Fail } from '../core/fail.ts';
import { fileSystemOf } from '../linux/file-system.ts';
import { bindMount, isMountPoint, setPropagation, unmount } from '../linux/mounts.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import type { PodUsers } from '../oci/user-namespace.ts';

export interface Layers {
  /** Where the image store is: the layers are below it. */
  readonly store: string;
  /** Folders of unpacked layers, top first. */
  readonly folders: readonly string[];
  /** The pod's user namespace; undefined: ids are what they are on disk. */
  readonly users: PodUsers | undefined;
}

/**
 * Has `mountOverlay` work with layers whose files belong to the pod's users. What it mounts keeps its own copies of
 * the mounts that it was made of (ovl_get_layer_root), so that one ID-mapped mount of the store, for a moment at
 * `place`, does for any number of layers. Fails `FailedPrecondition` where the store's file system has no such mounts.
 */
export const withLayers = (
  { store, folders, users }: Layers,
  place: string,
  mountOverlay: (folders: readonly string[]) => void,
): void => {
  if (users === undefined) {
    mountOverlay(folders);
    return;
  }
  mkdirSync(place, { recursive: true, mode: 0o700 });
  try {
    // The store is above the containers' own folders: where its mount is shared, as / is under systemd, the new root
    // would be mounted here too, and go from both places with this one. So this is private, and what it is mounted on
    // too: where that is mounted twice, the other would have a copy that is not, and that stays.
    bindMount(place, place, { recursive: false });
    setPropagation(place, 'private');
    mapped(store, place, users);
    setPropagation(place, 'private');
    mountOverlay(folders.map((folder) => join(place, relative(store, folder))));
  } finally {
    detachAll(place);
    rmdirSync(place);
  }
};

const mapped = (store: string, place: string, users: PodUsers): void => {
  try {
    bindMount(store, place, { recursive: false, idsOf: users.namespace });
  } catch (cause) {
    throw withoutIdMaps(store, cause);
  }
};

/**
 * Takes away all that is mounted at `place`. What is mounted below a copy of a shared mount would go from the original
 * too; so it is made private before.
 */
export const detachAll = (place: string): void => {
  while (isMountPoint(place)) {
    setPropagation(place, 'private');
    unmount(place, { detach: true });
  }
};

/** The kernel says EINVAL for a file system without ID-mapped mounts, and no more. */
export const withoutIdMaps = (path: string, cause: unknown): unknown =>
  hasErrno(cause, 'EINVAL')
    ? new Fail(
        'FailedPrecondition',
        `${path} is on a file system of type 0x${fileSystemOf(path).magic.toString(16)}, which has no ID-mapped mounts`,
        { cause, hint: 'ext4, xfs, btrfs and tmpfs have them on today’s kernels; or use hostUsers: true' },
      )
    : cause;
