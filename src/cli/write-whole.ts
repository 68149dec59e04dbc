import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Fail } from '../core/fail.ts';
import { isDiskFull } from '../core/own-disk.ts';

/**
 * Writes a file that is there whole or not at all, and that only its owner may read unless `mode` says otherwise. Links stay,
 * and lead to it; a device or a pipe is written to.
 * @throws Fail `BadUsage` when the place cannot be written, `DiskFull` when it has no room
 */
export const writeWhole = async (
  path: string,
  text: string,
  mode = 0o600,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<void> => {
  const there = await stat(path).catch(() => undefined);
  if (there !== undefined && !there.isFile()) {
    await writeFile(path, text).catch((cause: unknown) => {
      throw unwritable(path, cause);
    });
    return;
  }
  const place = there === undefined ? path : await realpath(path);
  const part = join(dirname(place), `.${basename(place)}.${randomBytes(4).toString('hex')}`);
  try {
    await using file = await open(part, 'wx', mode);
    if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
    await rename(part, place);
    await using folder = await open(dirname(place), 'r');
    await folder.sync();
  } catch (cause) {
    await rm(part, { force: true });
    throw unwritable(path, cause);
  }
};

/** Some editors begin a file with it. It is no part of the text. */
const byteOrderMark = '\u{feff}';

/**
 * Writes a file anew that is there: who may read it, whose it is, and whether it begins with a byte order mark, stay as they
 * are.
 */
export const rewriteWhole = async (path: string, text: string): Promise<void> => {
  const { mode, uid, gid } = await stat(path);
  const mark = (await readFile(path, 'utf8')).startsWith(byteOrderMark) ? byteOrderMark : '';
  await writeWhole(path, mark + text, mode & 0o7777, process.geteuid?.() === 0 ? { uid, gid } : undefined);
};

/**
 * Asked before the work whose result goes there: a wrong path must not cost a run.
 * @throws Fail `BadUsage`
 */
export const requireWritable = async (path: string): Promise<void> => {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new Fail('BadUsage', `${path} is a folder`, { hint: 'Name a file in it.' });
  const place = await realpath(path).catch(() => resolve(path));
  const written = there === undefined || there.isFile() ? dirname(place) : place;
  await access(written, constants.W_OK).catch((cause: unknown) => {
    throw unwritable(path, cause);
  });
};

/** `what`: the file, as its user knows it. */
export const unwritable = (what: string, cause: unknown): Fail => {
  const message = `${what} cannot be written: ${cause instanceof Error ? cause.message : cause}`;
  return isDiskFull(cause)
    ? new Fail('DiskFull', message, {
        hint: 'Make room there, or name a file on another disk, and run the same command again.',
        cause,
      })
    : new Fail('BadUsage', message, { hint: 'Name a file in a folder that exists and is yours.', cause });
};
