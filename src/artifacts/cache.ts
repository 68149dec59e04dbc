import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A file whose content is known. */
export interface CachedFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Where artifacts are kept on the control machine. */
export const cacheFolder = (): string =>
  process.env['BERTH_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'berth');

/** The file kept under this key, checked against its digest; a damaged one counts as absent. */
export async function cached(key: string): Promise<CachedFile | undefined> {
  const reference = await readReference(key);
  if (reference === undefined) return undefined;
  const path = blobPath(reference.sha256);
  const known = await stat(path).catch(absent);
  if (known === undefined || (await sha256OfFile(path)) !== reference.sha256) return undefined;
  return { path, sha256: reference.sha256, bytes: known.size };
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
  const reference = referencePath(key);
  await mkdir(dirname(reference), { recursive: true });
  const part = `${reference}.${randomBytes(4).toString('hex')}`;
  await writeFile(part, `${JSON.stringify({ version: 1, sha256 })}\n`);
  await rename(part, reference);
  return { path, sha256, bytes: (await stat(path)).size };
}

/** Runs `work` with an empty folder on the cache's file system, and removes it in any case. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(cacheFolder(), 'scratch', randomBytes(6).toString('hex'));
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

async function readReference(key: string): Promise<{ sha256: string } | undefined> {
  const text = await readFile(referencePath(key), 'utf8').catch(absent);
  const match = /"version":1,"sha256":"([0-9a-f]{64})"/.exec(text ?? '');
  return match?.[1] === undefined ? undefined : { sha256: match[1] };
}

const blobPath = (sha256: string): string => join(cacheFolder(), 'sha256', sha256);
const referencePath = (key: string): string => join(cacheFolder(), 'references', `${key}.json`);

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
