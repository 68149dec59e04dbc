import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Fail } from '../core/fail.ts';
import {
  type CachedFile,
  cached,
  cachedBlob,
  keep,
  readRecord,
  sha256OfFile,
  withScratch,
  writeRecord,
} from './cache.ts';
import { download, downloadText } from './download.ts';
import { goInstall } from './go-install.ts';
import { type LockedProgram, programOrigin } from './lock/lock.ts';
import { type Architecture, type ArtifactName, type ArtifactSpec, artifactSpecs } from './pins.ts';
import type { Work } from './report.ts';
import type { ArtifactSources } from './sources.ts';
import { findInTar } from './tar.ts';

type Way = Exclude<ArtifactSources['source'], 'auto'>;

interface Wanted {
  readonly spec: ArtifactSpec;
  readonly version: string;
  readonly arch: Architecture;
  readonly sources: ArtifactSources;
  readonly locked: LockedProgram | undefined;
}

/** A program that a way brought, and how it came to be. */
interface Brought {
  readonly path: string;
  readonly from: LockedProgram['from'];
}

export interface Program extends CachedFile {
  readonly from: LockedProgram['from'];
}

/**
 * A program for hosts, of exactly this version: from the cache, or by the ways that `sources` allows.
 * Whatever the way, a checksum or the Go checksum database decides, and with `locked` the digest of the program too. Fail
 * `Fetch` lists what each way said; Fail `ChecksumMismatch` stops at once, because a wrong file is no reason to try the
 * next one.
 */
export async function fetchArtifact(
  name: ArtifactName,
  version: string,
  arch: Architecture,
  sources: ArtifactSources,
  work: Work,
  locked?: LockedProgram,
): Promise<CachedFile> {
  const known = await (locked === undefined ? cached(keyOf(name, version, arch)) : cachedBlob(locked.sha256));
  if (known !== undefined) return known;
  const { path, sha256, bytes } = await fetchProgram(name, version, arch, sources, work, locked);
  return { path, sha256, bytes };
}

/** The same with how it came to be, which only fetching it or an earlier fetch can tell. `fresh`: whatever the cache has. */
export async function fetchWithOrigin(
  name: ArtifactName,
  version: string,
  arch: Architecture,
  sources: ArtifactSources,
  work: Work,
  { fresh }: { readonly fresh: boolean },
): Promise<Program> {
  const known = fresh ? undefined : await cached(keyOf(name, version, arch));
  const from = known === undefined ? undefined : await readOrigin(keyOf(name, version, arch), known.sha256);
  if (known !== undefined && from !== undefined) return { ...known, from };
  return fetchProgram(name, version, arch, sources, work, undefined);
}

const keyOf = (name: ArtifactName, version: string, arch: Architecture): string =>
  `${name}-${version}-${arch}`;

async function fetchProgram(
  name: ArtifactName,
  version: string,
  arch: Architecture,
  sources: ArtifactSources,
  work: Work,
  locked: LockedProgram | undefined,
): Promise<Program> {
  const key = keyOf(name, version, arch);
  const wanted = { spec: artifactSpecs[name], version, arch, sources, locked };
  return withScratch(async (folder) => {
    const { path, from } = await byFirstWay(wanted, folder, work);
    requireLocked(wanted, await sha256OfFile(path));
    const file = await keep(key, path, 0o755);
    await writeRecord(`${key}-origin`, { version: 1, sha256: file.sha256, from });
    return { ...file, from };
  });
}

async function readOrigin(key: string, sha256: string): Promise<LockedProgram['from'] | undefined> {
  const record = await readRecord(`${key}-origin`);
  if (typeof record !== 'object' || record === null || !('from' in record) || !('sha256' in record))
    return undefined;
  const parsed = programOrigin.safeParse(record.from);
  return record.sha256 === sha256 && parsed.success ? parsed.data : undefined;
}

/** The archive was the locked one, or the source; the program is what goes to hosts. */
function requireLocked({ spec, version, arch, locked }: Wanted, actual: string): void {
  if (locked === undefined || locked.sha256 === actual) return;
  throw new Fail(
    'ChecksumMismatch',
    `${spec.program} ${version} for ${arch} has sha256 ${actual}; berth.lock has ${locked.sha256}`,
    {
      hint: `see why it changed; berth lock --upgrade ${spec.program} takes the new one`,
      context: { actual, expected: locked.sha256 },
    },
  );
}

async function byFirstWay(wanted: Wanted, folder: string, work: Work): Promise<Brought> {
  const failures: Fail[] = [];
  for (const way of lockedWays(wanted)) {
    try {
      return await ways[way](wanted, folder, work);
    } catch (error) {
      if (!(error instanceof Fail) || error.code === 'ChecksumMismatch' || error.code === 'Cancelled')
        throw error;
      failures.push(error);
      work.emit({
        kind: 'note',
        level: 'debug',
        message: `${wanted.spec.program} by ${way}: ${error.message}`,
      });
    }
  }
  const { spec, version, arch } = wanted;
  throw new Fail(
    'Fetch',
    `${spec.program} ${version} for ${arch} could not be had:\n${failures.map((each) => `  - ${each.message}`).join('\n')}`,
    {
      hint: `put ${spec.archiveName(version, arch)} with its .sha256 file into a folder and name it in spec.artifacts.folder`,
    },
  );
}

/** In this order, because the nearest is the fastest. */
function waysOf({ source, folder, mirror }: ArtifactSources): Way[] {
  if (source !== 'auto') return [source];
  return [
    ...(folder === undefined ? [] : (['folder'] as const)),
    ...(mirror === undefined ? [] : (['mirror'] as const)),
    'release',
    'go',
  ];
}

/** An archive and a build of the same version are not the same bytes: a lock knows one of them. */
function lockedWays({ spec, sources, locked }: Wanted): Way[] {
  const all = waysOf(sources);
  if (locked === undefined) return all;
  const fitting = all.filter((way) => (way === 'go') === 'go' in locked.from);
  if (fitting.length > 0) return fitting;
  const has = 'go' in locked.from ? 'one built by go' : "the one of the project's release";
  throw new Fail(
    'NotLocked',
    `spec.artifacts.source is ${sources.source}, and the ${spec.program} of berth.lock is ${has}`,
    { hint: `run berth lock --upgrade ${spec.program}, or change spec.artifacts.source` },
  );
}

const ways: Record<Way, (wanted: Wanted, folder: string, work: Work) => Promise<Brought>> = {
  folder: fromFolder,
  mirror: (wanted, folder, work) => {
    if (wanted.sources.mirror === undefined)
      throw new Fail('BadProfile', 'spec.artifacts.source is mirror, but spec.artifacts.mirror is not set');
    return fromAddress(wanted, wanted.sources.mirror, folder, work);
  },
  release: (wanted, folder, work) =>
    fromAddress(wanted, wanted.spec.releaseAddress(wanted.version), folder, work),
  go: async ({ spec, version, arch, locked }, folder, work) => {
    const goLocked = locked !== undefined && 'go' in locked.from ? locked.from.go : undefined;
    const { path, origin } = await goInstall(spec, version, arch, folder, work, goLocked);
    return { path, from: { go: origin } };
  },
};

async function fromFolder(wanted: Wanted, folder: string): Promise<Brought> {
  const { spec, version, arch, sources } = wanted;
  if (sources.folder === undefined)
    throw new Fail('BadProfile', 'spec.artifacts.source is folder, but spec.artifacts.folder is not set');
  const source = join(sources.folder, spec.archiveName(version, arch));
  const archive = join(folder, 'archive');
  try {
    await copyFile(source, archive);
  } catch (cause) {
    throw new Fail('Fetch', `${source} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const expected =
    knownArchive(wanted) ?? parseChecksum(await readFile(`${source}.sha256`, 'utf8').catch(() => ''));
  const sha256 = requireChecksum(source, await sha256OfFile(archive), expected);
  return extract(wanted, { path: archive, sha256 }, folder);
}

/** The digest that an archive must have, where anything but the publisher's own checksum file says it. */
const knownArchive = ({ spec, version, arch, locked }: Wanted): string | undefined =>
  locked !== undefined && 'archive' in locked.from
    ? locked.from.archive.sha256
    : spec.pins[version]?.archives[arch];

async function fromAddress(wanted: Wanted, address: string, folder: string, work: Work): Promise<Brought> {
  const url = archiveAddress(wanted, address);
  const archive = join(folder, 'archive');
  const pinned = knownArchive(wanted);
  const expected = pinned ?? parseChecksum((await downloadText(`${url}.sha256`, work)) ?? '');
  if (pinned === undefined && expected !== undefined)
    work.emit({
      kind: 'note',
      level: 'info',
      message: `${url}: checked by the checksum published beside it`,
    });
  const sha256 = requireChecksum(url, await download(url, archive, work), expected);
  return extract(wanted, { path: archive, sha256 }, folder);
}

const archiveAddress = ({ spec, version, arch }: Wanted, address: string): string =>
  `${address.replace(/\/+$/, '')}/${spec.archiveName(version, arch)}`;

/** The first word of a checksum file: `<hex>` or `<hex>  <name>`. */
const parseChecksum = (text: string): string | undefined =>
  /^\s*([0-9a-f]{64})\b/i.exec(text)?.[1]?.toLowerCase();

function requireChecksum(source: string, actual: string, expected: string | undefined): string {
  if (expected === undefined)
    throw new Fail('Fetch', `${source} has no checksum: none is pinned, and ${source}.sha256 does not exist`);
  if (actual === expected) return actual;
  throw new Fail('ChecksumMismatch', `${source} has sha256 ${actual}; ${expected} is expected`, {
    hint: 'the file was damaged or replaced: remove it, or ask who publishes it',
    context: { source, actual, expected },
  });
}

async function extract(
  wanted: Wanted,
  archive: { readonly path: string; readonly sha256: string },
  folder: string,
): Promise<Brought> {
  const { spec, version, arch, sources } = wanted;
  const packed = await readFile(archive.path);
  const content = findInTar(await promisify(gunzip)(packed), spec.program);
  if (content === undefined) throw new Fail('Fetch', `the archive holds no ${spec.program}`);
  const path = join(folder, spec.program);
  await writeFile(path, content);
  const places = [spec.releaseAddress(version), ...(sources.mirror === undefined ? [] : [sources.mirror])];
  const addresses = places.map((place) => archiveAddress(wanted, place));
  const name = spec.archiveName(version, arch);
  return { path, from: { archive: { name, sha256: archive.sha256, bytes: packed.length, addresses } } };
}
