import { closeSync, constants, openSync } from 'node:fs';
import { systemCall } from './ffi.ts';
import { hasErrno } from './system-call-failed.ts';

const flock = systemCall('flock', ['int', 'int']);

/**
 * Takes the exclusive lock of a file, made when absent, and keeps it as long as the returned descriptor is open,
 * thus at most as long as the process lives. Undefined when another holds it.
 */
export function lockFile(path: string): number | undefined {
  const LOCK_EX_NB = 2 | 4;
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    flock(fd, LOCK_EX_NB);
    return fd;
  } catch (error) {
    closeSync(fd);
    if (hasErrno(error, 'EAGAIN')) return undefined;
    throw error;
  }
}
