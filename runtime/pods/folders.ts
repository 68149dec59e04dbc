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
