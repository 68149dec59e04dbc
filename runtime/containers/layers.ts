import { mkdirSync, rmdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Fail } from '../core/fail.ts';
import { fileSystemOf } from '../linux/file-system.ts';
import { bindMount, setPropagation, unmount } from '../linux/mounts.ts';
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
  const mounts = mountedAt(place);
  try {
    // The store is above the containers' own folders: where its mount is shared, as / is under systemd, the new root
    // would be mounted here too, and go from both places with this one. So this is private, and what it is mounted on
    // too: where that is mounted twice, the other would have a copy that is not, and that stays.
    mounts.bind(place);
    mounts.bind(store, users);
    mountOverlay(folders.map((folder) => join(place, relative(store, folder))));
  } finally {
    mounts.remove();
    rmdirSync(place);
  }
};

/** Private mounts at `place`, one upon the other. */
const mountedAt = (place: string) => {
  let count = 0;
  return {
    bind: (source: string, users?: PodUsers): void => {
      try {
        bindMount(source, place, {
          recursive: false,
          ...(users === undefined ? {} : { idsOf: users.namespace }),
        });
      } catch (cause) {
        throw users === undefined ? cause : withoutIdMaps(source, cause);
      }
      count += 1;
      setPropagation(place, 'private');
    },
    remove: (): void => {
      for (; count > 0; count -= 1) unmount(place, { detach: true });
    },
  };
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
