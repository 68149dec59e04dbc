import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { cached, keep, withScratch } from '../../artifacts/cache.ts';
import { Fail } from '../../core/fail.ts';

/** What is sent of a file. */
export interface Compressed {
  readonly bytes: Buffer;
  readonly sha256: string;
}

const compressed = new Map<string, Promise<Compressed>>();

/** Fast rather than small: a release is sent once per host, and most links outrun level 6. */
const level = 4;

/** A member of its own each (RFC 1952 section 2.2), so that every processor of this machine has something to do. */
const memberBytes = 4 << 20;

/** From here on the form that is sent is kept for the next host and the next run. */
const keptFromBytes = 1 << 20;

/**
 * The gzip form of a local file, made once however many hosts get it, and when it is large once for all runs. A plan
 * trusts what the file system says of a file that it knows; what is sent was read and digested.
 * @throws Fail `ChecksumMismatch` when the file is not what the plan says.
 */
export function compressFile(path: string, sha256: string): Promise<Compressed> {
  const known = compressed.get(sha256);
  if (known !== undefined) return known;
  const made = keptOrMade(path, sha256);
  compressed.set(sha256, made);
  made.catch(() => compressed.delete(sha256));
  return made;
}

async function keptOrMade(path: string, sha256: string): Promise<Compressed> {
  const key = `gzip-${level}-${sha256}`;
  const kept = await cached(key);
  if (kept !== undefined) return { bytes: await readFile(kept.path), sha256: kept.sha256 };
  const content = await readChecked(path, sha256);
  const bytes = await compress(content);
  if (content.length >= keptFromBytes) {
    await withScratch(async (folder) => {
      const file = join(folder, 'file.gz');
      await writeFile(file, bytes);
      await keep(key, file, 0o644);
    });
  }
  return { bytes, sha256: digestOf(bytes) };
}

async function compress(content: Buffer): Promise<Buffer> {
  const members: Promise<Buffer>[] = [];
  for (let start = 0; start === 0 || start < content.length; start += memberBytes)
    members.push(promisify(gzip)(content.subarray(start, start + memberBytes), { level }));
  return Buffer.concat(await Promise.all(members));
}

const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** @throws Fail `ChecksumMismatch` when the file is not what the plan says */
export async function readChecked(path: string, sha256: string): Promise<Buffer> {
  const content = await readFile(path);
  const actual = digestOf(content);
  if (actual === sha256) return content;
  throw new Fail('ChecksumMismatch', `${path} has sha256 ${actual}; ${sha256} is expected`, {
    hint: 'The file was damaged on this machine: remove it, and run the same command again.',
    context: { path, actual, expected: sha256 },
  });
}
