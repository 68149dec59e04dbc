import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { cString, memory, numberedCall } from './ffi.ts';
import { hasErrno } from './system-call-failed.ts';

const openat2 = numberedCall('openat2', 437);

const PATH_ONLY = 0o10000000;
const O_CLOEXEC = 0o2000000;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const RESOLVE_IN_ROOT = 0x10n;

/**
 * Opens `path` as a process whose root is `root` would: `..` and absolute symbolic links cannot leave it, and
 * links of /proc are refused. `flags` are fs.constants.O_*. The caller closes the descriptor.
 * openat2(2), Linux 5.6.
 */
export function openInRoot(root: string, path: string | Uint8Array, flags: number, mode = 0): number {
  return openFrom(root, path, { flags, mode, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
}

/**
 * Opens the folder `path` below `root` for its path alone (O_PATH), with no link on the way from `root` on: where one
 * is, ELOOP. The caller closes the descriptor.
 */
export function openFolderBelow(root: string, path: string): number {
  const flags = PATH_ONLY | constants.O_DIRECTORY;
  return openFrom(root, path, { flags, mode: 0, resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS });
}

interface How {
  readonly flags: number;
  readonly mode: number;
  readonly resolve: bigint;
}

function openFrom(root: string, path: string | Uint8Array, { flags, mode, resolve }: How): number {
  const rootFd = openSync(root, PATH_ONLY | constants.O_DIRECTORY);
  try {
    const how = memory(24);
    how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
    how.writeBigUInt64LE(BigInt(mode), 8);
    how.writeBigUInt64LE(resolve, 16);
    const name = cString(path);
    return openat2(rootFd, name, how, how.length);
  } finally {
    closeSync(rootFd);
  }
}

/**
 * The content of a regular file inside `root`, at most `limitBytes` of it; undefined when there is no such file
 * or what is there is not a regular file. Nothing from an image is read without a bound.
 */
export function readFileInRoot(root: string, path: string, limitBytes: number): Buffer | undefined {
  const fd = openReadable(root, path);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? readUpTo(fd, Math.min(limitBytes, stat.size)) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Without O_NONBLOCK a FIFO of the image would block the daemon for ever. */
function openReadable(root: string, path: string): number | undefined {
  try {
    return openInRoot(root, path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) return undefined;
    throw error;
  }
}

function readUpTo(fd: number, bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  let length = 0;
  while (length < bytes) {
    const got = readSync(fd, content, length, bytes - length, length);
    if (got === 0) break;
    length += got;
  }
  return content.subarray(0, length);
}
