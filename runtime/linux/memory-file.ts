import { closeSync, writeSync } from 'node:fs';
import { systemCall } from './ffi.ts';
import { hasErrno } from './system-call-failed.ts';

const memfdCreate = systemCall('memfd_create', ['str', 'uint']);

const [MFD_CLOEXEC, MFD_NOEXEC_SEAL, MFD_EXEC] = [1, 8, 0x10];

/**
 * A file in memory that can be executed as /proc/self/fd/N, whatever the options of the host's file systems: /run is
 * without execution on some distributions. Closed on exec; the caller closes it. memfd_create(2).
 */
export function memoryProgram(name: string, content: Buffer): number {
  const fd = create(name, MFD_EXEC);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** An empty file in memory, to read nothing from and to write to in vain. Closed on exec; the caller closes it. */
export const scratchFile = (name: string): number => create(name, MFD_NOEXEC_SEAL);

/** Linux before 6.3 does not know the two flags, and needs none. */
function create(name: string, execution: number): number {
  try {
    return memfdCreate(name, MFD_CLOEXEC | execution);
  } catch (error) {
    if (!hasErrno(error, 'EINVAL')) throw error;
    return memfdCreate(name, MFD_CLOEXEC);
  }
}
