import { closeSync, writeSync } from 'node:fs';
import { systemCall } from './ffi.ts';
import { hasErrno } from './system-call-failed.ts';

const memfdCreate = systemCall('memfd_create', ['str', 'uint']);

const [MFD_CLOEXEC, MFD_EXEC] = [1, 0x10];

/**
 * A file in memory that can be executed as /proc/self/fd/N, whatever the options of the host's file systems: /run is
 * without execution on some distributions. Closed on exec; the caller closes it. memfd_create(2).
 */
export function memoryProgram(name: string, content: Buffer): number {
  const fd = create(name);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Linux before 6.3 does not know the flag, and needs none. */
function create(name: string): number {
  try {
    return memfdCreate(name, MFD_CLOEXEC | MFD_EXEC);
  } catch (error) {
    if (!hasErrno(error, 'EINVAL')) throw error;
    return memfdCreate(name, MFD_CLOEXEC);
  }
}
