import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { stampOf } from './stamp.ts';

/** A file whose content is known. */
export interface CachedFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Where artifacts are kept on the control machine. A variable that is set to nothing is not set. */
export const cacheFolder = (): string => {
  const own = process.env['BERTH_CACHE'] ?? '';
  const users = process.env['XDG_CACHE_HOME'] ?? '';
  return own !== '' ? own : join(isAbsolute(users) ? users : join(homedir(), '.cache'), 'berth');
};

/**
 * The file kept under this key, checked against its digest; a damaged one counts as absent. A file that nobody
 * wrote to since it was last checked is not read again.
 */
export async function cached(key: string): Promise<CachedFile | undefined> {
  const reference = await readReference(key);
  return reference === undefined ? undefined : checked(key, reference);
}

/** The file with this content, whoever kept it; a damaged one counts as absent. */
export async function cachedBlob(sha256: string): Promise<CachedFile | undefined> {
  const key = `blob-${sha256}`;
  return checked(key, (await readReference(key)) ?? { sha256 });
}

async function checked(key: string, reference: Reference): Promise<CachedFile | undefined> {
  const { sha256 } = reference;
  const path = blobPath(sha256);
  const stamp = stampOf(path);
  if (stamp === undefined) return undefined;
  if (stamp.text !== reference.stamp) {
    const began = Date.now();
    if ((await sha256OfFile(path)) !== sha256) return undefined;
    if (stamp.restedBefore(began)) await writeReference(key, { sha256, stamp: stamp.text });
  }
  return { path, sha256, bytes: stamp.bytes };
}

/**
 * Moves a finished file into the cache under its digest and lets `key` name it. The file must lie in a
 * `scratchFolder`, so that the move is a rename: nobody ever sees a part of it.
 */
export async function keep(key: string, file: string, mode: number): Promise<CachedFile> {
  const sha256 = await sha256OfFile(file);
  const path = blobPath(sha256);
  await chmod(file, mode);
  await mkdir(dirname(path), { recursive: true });
  await rename(file, path);
  await writeReference(key, { sha256 });
  return { path, sha256, bytes: (await stat(path)).size };
}

/** Longer than any download or build takes. */
const abandonedMilliseconds = 24 * 3600 * 1000;

/** Runs `work` with an empty folder on the cache's file system, and removes it in any case. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const all = join(cacheFolder(), 'scratch');
  const folder = join(all, randomBytes(6).toString('hex'));
  await mkdir(folder, { recursive: true });
  await removeAbandoned(all);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Folders of processes that were killed before they could remove them. */
async function removeAbandoned(all: string): Promise<void> {
  for (const name of await readdir(all)) {
    const folder = join(all, name);
    // Another berth may remove its own at this moment.
    const changed = (await stat(folder).catch(absent))?.mtimeMs ?? Date.now();
    if (Date.now() - changed > abandonedMilliseconds) await rm(folder, { recursive: true, force: true });
  }
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

interface Reference {
  readonly sha256: string;
  /** What the file's stamp was when its content was last found to have this digest. */
  readonly stamp?: string;
}

async function readReference(key: string): Promise<Reference | undefined> {
  const record = await readRecord(key);
  if (typeof record !== 'object' || record === null || !('sha256' in record)) return undefined;
  const { sha256 } = record;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  return 'stamp' in record && typeof record.stamp === 'string' ? { sha256, stamp: record.stamp } : { sha256 };
}

const writeReference = (key: string, reference: Reference): Promise<void> =>
  writeRecord(key, { version: 1, ...reference });

/** The JSON value under this key; undefined when there is none, or none that this berth understands. */
export async function readRecord(key: string): Promise<unknown> {
  const text = await readFile(recordPath(key), 'utf8').catch(absent);
  if (text === undefined) return undefined;
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === 'object' && record !== null && 'version' in record && record.version === 1
      ? record
      : undefined;
  } catch (error) {
    // Half a file after a power cut: what it told is made again.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Keeps a JSON value with `version: 1` under this key. */
export async function writeRecord(
  key: string,
  record: { readonly version: 1; readonly [name: string]: unknown },
): Promise<void> {
  const path = recordPath(key);
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(part, `${JSON.stringify(record)}\n`);
  await rename(part, path);
}

const blobPath = (sha256: string): string => join(cacheFolder(), 'sha256', sha256);
const recordPath = (key: string): string => join(cacheFolder(), 'references', `${key}.json`);

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
