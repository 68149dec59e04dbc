import { join } from 'node:path';

/** Where berthd keeps its state. */
export interface Roots {
  /** On disk, outlives a reboot. */
  readonly root: string;
  /** On tmpfs, ends with a reboot. */
  readonly runRoot: string;
}

export interface ContainerFolders {
  /** The writable layer with its mount point, on disk: a container may write more than memory holds. */
  readonly disk: string;
  readonly upper: string;
  readonly work: string;
  readonly merged: string;
  /** The OCI bundle: config.json. */
  readonly bundle: string;
  /** Mounts that are there while the container is created. */
  readonly staged: string;
}

export const writableLayers = (roots: Roots): string => join(roots.root, 'containers');
export const bundles = (roots: Roots): string => join(roots.runRoot, 'bundles');
export const stagedMounts = (roots: Roots): string => join(roots.runRoot, 'staged');
export const containerRecords = (roots: Roots): string => join(roots.runRoot, 'containers');

export const containerFolders = (roots: Roots, id: string): ContainerFolders => {
  const disk = join(writableLayers(roots), id);
  return {
    disk,
    upper: join(disk, 'upper'),
    work: join(disk, 'work'),
    merged: join(disk, 'merged'),
    bundle: join(bundles(roots), id),
    staged: join(stagedMounts(roots), id),
  };
};
