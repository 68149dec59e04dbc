import { closeSync, openSync, readSync } from 'node:fs';
import { hasErrno } from '../../linux/system-call-failed.ts';

/** The files of /proc and of cgroups are small; what is longer is read in steps. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * A file of a cgroup or of /proc as text; undefined when it, its cgroup or its process is gone, or when the kernel
 * was told not to keep what it would say. `readFileSync` does three times the work: it asks for a size that these
 * files do not have.
 */
export const readKernelFile = (path: string): string | undefined => {
  try {
    const fd = openSync(path, 'r');
    try {
      return readAll(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENODEV', 'ESRCH', 'EOPNOTSUPP', 'ENOTDIR')) return undefined;
    throw error;
  }
};

const readAll = (fd: number): string => {
  let text = '';
  for (;;) {
    const length = readSync(fd, buffer, 0, buffer.length, null);
    if (length === 0) return text;
    text += buffer.toString('latin1', 0, length);
  }
};
