import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { hasErrno } from '../linux/system-call-failed.ts';

/** So many are listed in a fraction of a millisecond, and go in a few trips through the thread pool. */
const LITTLE_ENTRIES = 128;

/** Of a folder itself: larger ones have, or had, thousands of entries, which would all be read at once. */
const LITTLE_FOLDER_BYTES = 64 * 1024;

/** Half of what a path may have (PATH_MAX): whoever goes down step by step, as a container may, gets far deeper. */
const LONG_PATH_BYTES = 2048;

interface Content {
  readonly files: Buffer[];
  /** The deepest first, the folder itself last. */
  readonly folders: Buffer[];
}

/**
 * Removes a folder with everything in it. Not an error when there is no such folder. A few files are listed at once, in
 * less time than one trip through the thread pool takes; but to remove them, each may have to wait for the journal of a
 * busy disk, which nobody else is to wait for.
 */
export const removeFolder = async (folder: string): Promise<void> => {
  const root = Buffer.from(folder);
  const found: Content = { files: [], folders: [] };
  if (!listed(root, found)) return removeMuch(root);
  await Promise.all(found.files.map((file) => unlink(file)));
  for (const each of found.folders) await rmdir(each);
};

/** False: there is more than a little. Names are bytes, and need not be UTF-8. */
const listed = (folder: Buffer, found: Content): boolean => {
  if (folder.length > LONG_PATH_BYTES) return false;
  const size = lstatSync(folder, { throwIfNoEntry: false })?.size;
  if (size === undefined) return true;
  if (size > LITTLE_FOLDER_BYTES) return false;
  for (const entry of readdirSync(folder, { encoding: 'latin1', withFileTypes: true })) {
    const path = pathIn(folder, entry.name);
    if (!entry.isDirectory()) found.files.push(path);
    else if (!listed(path, found)) return false;
    if (found.files.length + found.folders.length > LITTLE_ENTRIES) return false;
  }
  found.folders.push(folder);
  return true;
};

/**
 * Any number of files at any depth. What would get too long a path is moved up to the root first, where it is found when
 * all else has gone. Nobody but us writes here any more.
 */
const removeMuch = async (root: Buffer): Promise<void> => {
  const waiting = [root];
  for (let folder = waiting.at(-1); folder !== undefined; folder = waiting.at(-1)) {
    const { folders, removed } = await removeFiles(folder);
    for (const path of folders)
      if (path.length <= LONG_PATH_BYTES) waiting.push(path);
      else await rename(path, pathIn(root, `deep-${randomUUID()}`));
    if (folders.length === 0 && (await isRemoved(folder, removed))) waiting.pop();
  }
};

const BATCH = 128;

/** What is no folder goes; the folders in it are the answer. */
const removeFiles = async (
  folder: Buffer,
): Promise<{ readonly folders: Buffer[]; readonly removed: number }> => {
  const folders: Buffer[] = [];
  let removed = 0;
  let batch: Promise<void>[] = [];
  for await (const entry of await opendir(folder, { encoding: 'latin1' })) {
    const path = pathIn(folder, entry.name);
    if (entry.isDirectory()) folders.push(path);
    else batch.push(inTime(unlink(path)));
    if (batch.length === BATCH) {
      removed += batch.length;
      await Promise.all(batch);
      batch = [];
    }
  }
  await Promise.all(batch);
  return { folders, removed: removed + batch.length };
};

/** Its failure is told when the batch is awaited. */
const inTime = <T>(work: Promise<T>): Promise<T> => {
  work.catch(() => {});
  return work;
};

/** A file system may pass over files while others go: as long as some do, there is another look. */
const isRemoved = async (folder: Buffer, removed: number): Promise<boolean> => {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (removed > 0 && hasErrno(error, 'ENOTEMPTY')) return false;
    throw error;
  }
};

const pathIn = (folder: Buffer, name: string): Buffer =>
  Buffer.concat([folder, Buffer.from(`/${name}`, 'latin1')]);
