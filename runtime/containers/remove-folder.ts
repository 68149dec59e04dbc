import { opendirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hasErrno } from '../linux/system-call-failed.ts';

/** So many go in a millisecond or two, which the event loop can do without. */
const FEW = 128;

/**
 * Removes a folder with everything in it. A few files at once, in less time than one trip through the thread pool
 * takes; many without holding up anybody. Not an error when there is no such folder.
 */
export const removeFolder = async (folder: string): Promise<void> => {
  const options = { recursive: true, force: true };
  if (countUpTo(FEW + 1, Buffer.from(folder)) <= FEW) rmSync(folder, options);
  else await rm(folder, options);
};

/** Files and folders below the folder, but no more than `most` of them. Names are bytes, and need not be UTF-8. */
const countUpTo = (most: number, folder: Buffer): number => {
  const entries = openFolder(folder);
  if (entries === undefined) return 0;
  try {
    let count = 0;
    for (let entry = entries.readSync(); entry !== null && count < most; entry = entries.readSync()) {
      count += 1;
      if (entry.isDirectory())
        count += countUpTo(most - count, Buffer.concat([folder, Buffer.from(`/${entry.name}`, 'latin1')]));
    }
    return count;
  } finally {
    entries.closeSync();
  }
};

const openFolder = (folder: Buffer) => {
  try {
    return opendirSync(folder, { encoding: 'latin1' });
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
};
