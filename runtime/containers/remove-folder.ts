import { type Dirent, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/** So many go in a millisecond or two, which the event loop can do without; to free the blocks of a large file takes longer. */
const LITTLE = { entries: 128, bytes: 16 * 1024 * 1024 };

/** Of a folder itself: larger ones have, or had, thousands of entries, which would all be read at once. */
const LITTLE_FOLDER_BYTES = 64 * 1024;

/**
 * Removes a folder with everything in it. A few files at once, in less time than one trip through the thread pool
 * takes; many without holding up anybody. Not an error when there is no such folder.
 */
export const removeFolder = async (folder: string): Promise<void> => {
  if (!removedWithin(Buffer.from(folder), { ...LITTLE })) await rm(folder, { recursive: true, force: true });
};

/** False: there is more than the budget allows; some of it is gone. Names are bytes, and need not be UTF-8. */
const removedWithin = (folder: Buffer, left: { entries: number; bytes: number }): boolean => {
  const size = lstatSync(folder, { throwIfNoEntry: false })?.size;
  if (size === undefined) return true;
  if (size > LITTLE_FOLDER_BYTES) return false;
  for (const entry of entriesOf(folder)) {
    const path = Buffer.concat([folder, Buffer.from(`/${entry.name}`, 'latin1')]);
    left.entries -= 1;
    if (entry.isFile()) left.bytes -= lstatSync(path).size;
    if (left.entries < 0 || left.bytes < 0) return false;
    if (!entry.isDirectory()) unlinkSync(path);
    else if (!removedWithin(path, left)) return false;
  }
  rmdirSync(folder);
  return true;
};

const entriesOf = (folder: Buffer): readonly Dirent[] =>
  readdirSync(folder, { encoding: 'latin1', withFileTypes: true });
