import { closeSync, constants, openSync } from 'node:fs';
import { systemCall } from './ffi.ts';

const syncfs = systemCall('syncfs', ['int']);
const syncFileRange = systemCall('sync_file_range', ['int', 'int64', 'int64', 'uint']);
const SYNC_FILE_RANGE_WRITE = 2;

/** Writes everything of the file system that holds `path` to its disk. Blocks; seconds on a busy disk. */
export function syncFileSystem(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    syncfs(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Has the kernel begin to write these bytes of a file to its disk, and does not wait for them: what is on its way by the
 * time of `syncFileSystem` does not have to be waited for then. It promises nothing about what is on the disk.
 */
export function startWriting(fd: number, offset: number, length: number): void {
  syncFileRange(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}
