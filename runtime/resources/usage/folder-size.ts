import { closeSync, constants, lstatSync, opendirSync, type Stats } from 'node:fs';
import { openInRoot } from '../../linux/in-root.ts';
import { hasErrno } from '../../linux/system-call-failed.ts';
import { createTimeSlice, type TimeSlice } from './time-slice.ts';

/** What a folder and all below it take on the disk. */
export interface FolderSize {
  readonly bytes: number;
  readonly inodes: number;
}

/**
 * What is remembered of folders to come and of files with several names: a container can make more of both than
 * memory holds. Folders beyond are counted without what is in them, files beyond with each of their names.
 */
const MAX_REMEMBERED = 250_000;
const SLICE_MS = 2;

/**
 * Adds up blocks and inodes below `root` while a container may be changing it: no symbolic link leads out
 * (openat2, RESOLVE_IN_ROOT) and what vanishes meanwhile does not count. A file with several names counts once, as
 * in du(1). Names are taken as Latin-1, in which every byte survives the way there and back.
 */
export const folderSize = async (root: string): Promise<FolderSize> => {
  const total = { bytes: 0, inodes: 0 };
  const slice = createTimeSlice(SLICE_MS);
  const isOtherName = otherNames();
  const count = (stat: Stats): void => {
    if (isOtherName(stat)) return;
    total.bytes += stat.blocks * 512;
    total.inodes += 1;
  };
  const top = lstatSync(root, { throwIfNoEntry: false });
  if (top === undefined) return total;
  count(top);
  for (const pending = ['.']; ; ) {
    const folder = pending.pop();
    if (folder === undefined) return total;
    for (const name of await countFolder(root, folder, count, slice))
      if (pending.length < MAX_REMEMBERED) pending.push(`${folder}/${name}`);
  }
};

const otherNames = (): ((stat: Stats) => boolean) => {
  const seen = new Set<number>();
  return (stat) => {
    if (stat.nlink === 1 || stat.isDirectory()) return false;
    if (seen.has(stat.ino)) return true;
    if (seen.size < MAX_REMEMBERED) seen.add(stat.ino);
    return false;
  };
};

/** Counts what is directly in the folder and gives the names of the folders in it. */
const countFolder = async (
  root: string,
  folder: string,
  count: (stat: Stats) => void,
  slice: TimeSlice,
): Promise<readonly string[]> => {
  const fd = openFolder(root, folder);
  if (fd === undefined) return [];
  const folders: string[] = [];
  const path = `/proc/self/fd/${fd}`;
  try {
    const entries = opendirSync(path, { encoding: 'latin1', bufferSize: 256 });
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        const stat = lstatSync(Buffer.from(`${path}/${entry.name}`, 'latin1'), { throwIfNoEntry: false });
        if (stat !== undefined) count(stat);
        if (stat?.isDirectory() === true) folders.push(entry.name);
        await slice.rest();
      }
    } finally {
      entries.closeSync();
    }
    return folders;
  } finally {
    closeSync(fd);
  }
};

/** Undefined when it is gone, or a folder no more. */
const openFolder = (root: string, folder: string): number | undefined => {
  let fd: number | undefined;
  try {
    for (const part of shortParts(folder)) {
      const from: string = fd === undefined ? root : `/proc/self/fd/${fd}`;
      const next = openInRoot(from, Buffer.from(part, 'latin1'), FOLDER);
      if (fd !== undefined) closeSync(fd);
      fd = next;
    }
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
};

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** The kernel takes 4095 bytes at a time, and a name has at most 255: folders in folders may be deeper than that. */
const PART_BYTES = 3800;

const shortParts = (path: string): readonly string[] => {
  const parts: string[] = [];
  for (let from = 0; from < path.length; ) {
    const whole = path.length - from <= PART_BYTES;
    const to = whole ? path.length : path.lastIndexOf('/', from + PART_BYTES);
    parts.push(path.slice(from, to));
    from = to + 1;
  }
  return parts;
};
