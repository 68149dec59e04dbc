import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Fail } from '../../core/fail.ts';
import { type CachedFile, cachedBlob, keep, withScratch } from '../cache.ts';
import type { Lock } from '../lock/lock.ts';
import { parseLock } from '../lock/read-lock.ts';
import type { Work } from '../report.ts';
import { closureOf } from './closure.ts';
import { lockPath, type Manifest, type Member, manifestPath, manifestSchema } from './manifest.ts';
import { readTar } from './tar-stream.ts';

export interface OpenedBundle {
  readonly lock: Lock;
  readonly lockText: string;
  /** Every file of the bundle, in the cache, by its path in the bundle. */
  readonly members: ReadonlyMap<string, CachedFile>;
}

/**
 * Takes a bundle's files into the cache. Each is checked against the manifest while it is read, and the manifest against
 * the bundle's lock: what the lock names is there, with the lock's digest.
 * @throws Fail `ChecksumMismatch` naming both sums, Fail `Fetch` for what is no bundle
 */
export async function openBundle(file: string, work: Work): Promise<OpenedBundle> {
  return withScratch(async (folder) => {
    const members = new Map<string, CachedFile>();
    let lockText = '';
    const manifest = await eachMember(file, work, async (member, content) => {
      const bytes = await take(file, member, content, folder);
      if (member.path === lockPath) lockText = (await readAll(bytes.path)).toString('utf8');
      members.set(member.path, bytes);
    });
    requireAll(file, manifest, members);
    const lock = parseLock(lockText, `${file}:${lockPath}`);
    requireClosure(file, lock, members);
    return { lock, lockText, members };
  });
}

/** What a bundle says of itself, without looking at its contents. */
export async function listBundle(file: string, work: Work): Promise<Manifest> {
  return eachMember(file, work, async () => undefined);
}

async function eachMember(
  file: string,
  work: Work,
  take: (member: Member, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<Manifest> {
  let manifest: Manifest | undefined;
  let next = 0;
  const source = await unpacked(file, work.signal);
  try {
    await readTar(source, async ({ path, bytes }, content) => {
      if (manifest === undefined) {
        manifest = parseManifest(file, path, await collected(content));
        return;
      }
      const member = manifest.members[next];
      next += 1;
      if (member?.path !== path || member.bytes !== bytes)
        throw damaged(file, `it holds ${path} with ${bytes} bytes, which its manifest does not list there`);
      await take(member, content);
    });
  } catch (error) {
    if (error instanceof Fail && error.code !== 'Fetch') throw error;
    work.signal.throwIfAborted();
    throw damaged(file, error instanceof Error ? error.message : String(error));
  } finally {
    source.destroy();
  }
  if (manifest === undefined) throw damaged(file, 'it is empty');
  return manifest;
}

function parseManifest(file: string, path: string, content: Buffer): Manifest {
  if (path !== manifestPath) throw damaged(file, `its first member is ${path} and not ${manifestPath}`);
  const parsed = manifestSchema.safeParse(jsonOf(content));
  if (!parsed.success)
    throw damaged(file, `its manifest: ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
  return parsed.data;
}

function jsonOf(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What the cache has already is read and checked all the same, and not written again. */
async function take(
  file: string,
  member: Member,
  content: AsyncIterable<Buffer>,
  folder: string,
): Promise<CachedFile> {
  const known = await cachedBlob(member.sha256);
  const hash = createHash('sha256');
  const path = join(folder, 'member');
  const hashed = async function* () {
    for await (const chunk of content) {
      hash.update(chunk);
      yield chunk;
    }
  };
  if (known === undefined) await pipeline(hashed, createWriteStream(path));
  else for await (const _ of hashed());
  const actual = hash.digest('hex');
  if (actual !== member.sha256)
    throw new Fail(
      'ChecksumMismatch',
      `${file}: ${member.path} has sha256 ${actual}; its manifest has ${member.sha256}`,
      {
        hint: 'the bundle was damaged on its way: copy it again',
        context: { actual, expected: member.sha256 },
      },
    );
  return known ?? keep(`blob-${actual}`, path, 0o644);
}

function requireAll(file: string, { members }: Manifest, found: ReadonlyMap<string, CachedFile>): void {
  const lacking = members.find(({ path }) => !found.has(path));
  if (lacking !== undefined)
    throw damaged(file, `${lacking.path} is not in it, although its manifest lists it`);
  if (!found.has(lockPath)) throw damaged(file, 'it has no berth.lock');
}

function requireClosure(file: string, lock: Lock, members: ReadonlyMap<string, CachedFile>): void {
  for (const { member: path, what, sha256 } of closureOf(lock)) {
    const actual = members.get(path)?.sha256;
    if (actual === sha256) continue;
    if (actual === undefined) throw damaged(file, `its lock names ${what}, and ${path} is not in it`);
    throw new Fail(
      'ChecksumMismatch',
      `${file}: ${path} has sha256 ${actual}; its lock has ${sha256} for ${what}`,
      {
        hint: 'somebody changed the bundle: make it again with berth bundle',
        context: { actual, expected: sha256 },
      },
    );
  }
}

/** Which compression it has is told by its first bytes: RFC 8878 section 3.1.1, RFC 1952 section 2.3.1. */
async function unpacked(path: string, signal: AbortSignal): Promise<Readable> {
  const magic = Buffer.alloc(4);
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new Fail('BadUsage', `the bundle ${path} cannot be read: ${cause.message}`, { cause });
  });
  try {
    await file.read(magic, 0, 4, 0);
  } finally {
    await file.close();
  }
  const decompressor = decompressorFor(magic);
  const source = createReadStream(path, { highWaterMark: 1 << 18, signal });
  source.once('error', (error) => decompressor.destroy(error));
  return source.pipe(decompressor);
}

function decompressorFor(magic: Buffer): Transform {
  if (magic.readUInt32LE(0) === 0xfd2fb528) return createZstdDecompress();
  return magic.readUInt16BE(0) === 0x1f8b ? createGunzip() : new PassThrough();
}

const damaged = (file: string, what: string): Fail =>
  new Fail('Fetch', `${file} is no bundle of berth, or a damaged one: ${what}`, {
    hint: 'copy it again, or make it again with berth bundle',
  });

async function collected(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

const readAll = (path: string): Promise<Buffer> => collected(createReadStream(path));
