import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib';
import { cached, keep, withScratch } from '../../artifacts/cache.ts';
import { Fail } from '../../core/fail.ts';
import type { SystemFacts } from '../facts/system.ts';

/** The program that unpacks it on the host, with `-dc`. */
export type Encoding = SystemFacts['unpacks'];

/** What is sent of a file. */
export interface Compressed {
  readonly bytes: Buffer;
  readonly sha256: string;
}

const compressed = new Map<string, Promise<Compressed>>();

/** Fast rather than small: a release is sent once per host, and most links outrun a higher level. */
const levels = { gzip: 4, zstd: 3 } as const;

/** Members of their own (RFC 1952 section 2.2), so that every processor of this machine has something to do. */
const memberBytes = 4 << 20;

const packers = {
  gzip: async (content: Buffer): Promise<Buffer> => {
    const members: Promise<Buffer>[] = [];
    for (let start = 0; start === 0 || start < content.length; start += memberBytes)
      members.push(promisify(gzip)(content.subarray(start, start + memberBytes), { level: levels.gzip }));
    return Buffer.concat(await Promise.all(members));
  },
  zstd: (content: Buffer): Promise<Buffer> =>
    promisify(zstdCompress)(content, {
      params: { [constants.ZSTD_c_compressionLevel]: levels.zstd, [constants.ZSTD_c_checksumFlag]: 1 },
    }),
} as const;

const unpackers = { gzip: promisify(gunzip), zstd: promisify(zstdDecompress) } as const;

/** From here on the form that is sent is kept for the next host and the next run. */
const keptFromBytes = 1 << 20;

/**
 * The form in which a local file is sent, made once however many hosts get it, and when it is large once for all runs. A plan
 * trusts what the file system says of a file that it knows; what is sent was read and digested.
 * @throws Fail `ChecksumMismatch` when the file is not what the plan says.
 */
export function compressFile(path: string, sha256: string, encoding: Encoding): Promise<Compressed> {
  const key = `${encoding}-${levels[encoding]}-${sha256}`;
  const known = compressed.get(key);
  if (known !== undefined) return known;
  const made = keptOrMade(path, { key, sha256, encoding });
  compressed.set(key, made);
  made.catch(() => compressed.delete(key));
  return made;
}

async function keptOrMade(
  path: string,
  { key, sha256, encoding }: { readonly key: string; readonly sha256: string; readonly encoding: Encoding },
): Promise<Compressed> {
  const kept = await cached(key);
  if (kept !== undefined) {
    const bytes = await readFile(kept.path);
    if (await unpacksTo(bytes, sha256, encoding)) return { bytes, sha256: kept.sha256 };
  }
  const content = await readChecked(path, sha256);
  const bytes = await packers[encoding](content);
  if (content.length >= keptFromBytes) {
    await withScratch(async (folder) => {
      const file = join(folder, 'packed');
      await writeFile(file, bytes);
      await keep(key, file, 0o644);
    });
  }
  return { bytes, sha256: digestOf(bytes) };
}

/** The host digests what it is sent, not what it makes of it: that this is what the plan says is seen here. */
async function unpacksTo(bytes: Buffer, sha256: string, encoding: Encoding): Promise<boolean> {
  const content = await unpackers[encoding](bytes).catch(() => undefined);
  return content !== undefined && digestOf(content) === sha256;
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
