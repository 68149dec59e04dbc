import { join } from 'node:path';
import type { Roots } from '../containers/folders.ts';

export interface PodFolders {
  /** The files that are bound into the pod's containers. */
  readonly files: string;
  readonly resolvConf: string;
  readonly hosts: string;
  readonly hostname: string;
  /** A tmpfs, the pod's /dev/shm. */
  readonly shm: string;
}

export const podRecords = (roots: Roots): string => join(roots.runRoot, 'pods');
export const podFiles = (roots: Roots): string => join(roots.runRoot, 'pod-files');
export const networkState = (roots: Roots): string => join(roots.runRoot, 'network');
export const namespaces = (roots: Roots): string => join(roots.runRoot, 'namespaces');

/**
 * The root file system of the processes that keep shared PID namespaces, one for all: on disk, since /run is without
 * execution on some distributions.
 */
export const pauseRoot = (roots: Roots): string => join(roots.root, 'pause');

/** Where the pod's namespaces are pinned, one file per kind. */
export const pinnedNamespaces = (roots: Roots, id: string): string => join(namespaces(roots), id);
export const pinnedPid = (roots: Roots, id: string): string => join(pinnedNamespaces(roots, id), 'pid');

export const podFolders = (roots: Roots, id: string): PodFolders => {
  const files = join(podFiles(roots), id);
  return {
    files,
    resolvConf: join(files, 'resolv.conf'),
    hosts: join(files, 'hosts'),
    hostname: join(files, 'hostname'),
    shm: join(files, 'shm'),
  };
};
