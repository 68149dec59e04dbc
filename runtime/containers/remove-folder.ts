import { lstatSync, opendirSync, rmdirSync, unlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hasErrno } from '../linux/system-call-failed.ts';

/** So many go in a millisecond or two, which the event loop can do without; to free the blocks of a large file takes longer. */
const LITTLE = { entries: 128, bytes: 16 * 1024 * 1024 };

/**
 * Removes a folder with everything in it. A few files at once, in less time than one trip through the thread pool
 * takes; many without holding up anybody. Not an error when there is no such folder.
 */
export const removeFolder = async (folder: string): Promise<void> => {
  if (!removedWithin(Buffer.from(folder), { ...LITTLE })) await rm(folder, { recursive: true, force: true });
};

/** False: there is more than the budget allows; some of it is gone. Names are bytes, and need not be UTF-8. */
const removedWithin = (folder: Buffer, left: { entries: number; bytes: number }): boolean => {
  const entries = openFolder(folder);
  if (entries === undefined) return true;
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      const path = Buffer.concat([folder, Buffer.from(`/${entry.name}`, 'latin1')]);
      left.entries -= 1;
      if (entry.isFile()) left.bytes -= lstatSync(path).size;
      if (left.entries < 0 || left.bytes < 0) return false;
      if (!entry.isDirectory()) unlinkSync(path);
      else if (!removedWithin(path, left)) return false;
    }
  } finally {
    entries.closeSync();
  }
  rmdirSync(folder);
  return true;
};

const openFolder = (folder: Buffer) => {
  try {
    return opendirSync(folder, { encoding: 'latin1' });
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
};
