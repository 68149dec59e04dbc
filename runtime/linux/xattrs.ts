import { cString, lastErrno, memory, rawCall, systemCall } from './ffi.ts';
import { hasErrno, SystemCallFailed } from './system-call-failed.ts';

const lsetxattr = systemCall('lsetxattr', ['void *', 'str', 'void *', 'size_t', 'int']);
const lremovexattr = systemCall('lremovexattr', ['str', 'str']);
const lgetxattr = rawCall('lgetxattr', ['str', 'str', 'void *', 'size_t'], 'long');
const llistxattr = rawCall('llistxattr', ['str', 'void *', 'size_t'], 'long');

/** XATTR_SIZE_MAX of linux/limits.h. */
const LARGEST = 65536;

/** Sets an extended attribute of the file itself, never of what a symbolic link points to. */
export function setXattr(path: string | Uint8Array, name: string, value: Buffer): void {
  lsetxattr(cString(path), name, value, value.length, 0);
}

/** The value, or undefined when the file has no such attribute or its file system has none at all. */
export function getXattr(path: string, name: string): Buffer | undefined {
  const value = memory(LARGEST);
  const length = lgetxattr(path, name, value, value.length);
  if (length >= 0) return Buffer.from(value.subarray(0, length));
  const failed = new SystemCallFailed('lgetxattr', lastErrno(), `${path}, ${name}`);
  if (hasErrno(failed, 'ENODATA', 'EOPNOTSUPP')) return undefined;
  throw failed;
}

/** The names of the file's extended attributes. */
export function listXattrs(path: string): readonly string[] {
  const names = memory(LARGEST);
  const length = llistxattr(path, names, names.length);
  if (length === -1) {
    const failed = new SystemCallFailed('llistxattr', lastErrno(), path);
    if (hasErrno(failed, 'EOPNOTSUPP')) return [];
    throw failed;
  }
  return names
    .subarray(0, length)
    .toString()
    .split('\0')
    .filter((name) => name !== '');
}

/** Removes the attribute; not an error when it is absent. */
export function removeXattr(path: string, name: string): void {
  try {
    lremovexattr(path, name);
  } catch (error) {
    if (!hasErrno(error, 'ENODATA')) throw error;
  }
}
