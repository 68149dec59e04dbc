import { closeSync, constants, openSync } from 'node:fs';
import { systemCall } from './ffi.ts';

const syncfs = systemCall('syncfs', ['int']);

/** Writes everything of the file system that holds `path` to its disk. Blocks; seconds on a busy disk. */
export function syncFileSystem(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    syncfs(fd);
  } finally {
    closeSync(fd);
  }
}
