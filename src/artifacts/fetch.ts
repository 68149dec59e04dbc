import { copyFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
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
import { type Checksum, parseChecksum, pinnedChecksum, requireChecksum } from './checksum.ts';
import { download, downloadText } from './download.ts';
import { goInstall } from './go-install.ts';
import { type LockedProgram, programOrigin } from './lock/lock.ts';
import { type Architecture, type ArtifactName, type ArtifactSpec, artifactSpecs, features } from './pins.ts';
import type { Work } from './report.ts';
import type { ArtifactSources } from './sources.ts';
import { programOf } from './unpack-release.ts';

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
  const known = await (locked === undefined
    ? cached(keyOf(name, version, arch, sources))
    : cachedBlob(locked.sha256));
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
  const key = keyOf(name, version, arch, sources);
  const known = fresh ? undefined : await cached(key);
  const from = known === undefined ? undefined : await readOrigin(key, known.sha256);
  if (known !== undefined && from !== undefined) return { ...known, from };
  return fetchProgram(name, version, arch, sources, work, undefined);
}

/** What was built otherwise, or checked by another digest, is another thing. */
const keyOf = (
  name: ArtifactName,
  version: string,
  arch: Architecture,
  { source, tags = [], sha256 = {} }: ArtifactSources,
): string => {
  const how = name === 'crictl' || source === 'auto' ? [] : [source === 'go' ? 'go' : 'release'];
  const pin = sha256[arch]?.slice(0, 12);
  return [name, version, arch, ...how, ...tags, ...(pin === undefined ? [] : [pin])].join('-');
};

async function fetchProgram(
  name: ArtifactName,
  version: string,
  arch: Architecture,
  sources: ArtifactSources,
  work: Work,
  locked: LockedProgram | undefined,
): Promise<Program> {
  const key = keyOf(name, version, arch, sources);
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
  const only = failures.length === 1 ? failures[0] : undefined;
  throw new Fail(
    'Fetch',
    `${spec.program} ${version} for ${arch} could not be had:\n${failures.map((each) => `  - ${each.message}`).join('\n')}`,
    {
      hint:
        only?.hint ??
        `put ${spec.archiveName(version, arch)} with its .sha256 file into a folder and name it in spec.artifacts.folder`,
    },
  );
}

/** In this order, because the nearest is the fastest. */
function waysOf({ source, folder, mirror, built = true }: ArtifactSources, { go }: ArtifactSpec): Way[] {
  if (source !== 'auto') return [source];
  return [
    ...(folder === undefined ? [] : (['folder'] as const)),
    ...(mirror === undefined ? [] : (['mirror'] as const)),
    'release',
    ...(go === undefined || !built ? [] : (['go'] as const)),
  ];
}

/** An archive and a build of the same version are not the same bytes: a lock knows one of them. */
function lockedWays({ spec, sources, locked }: Wanted): Way[] {
  const all = waysOf(sources, spec);
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
  release: (wanted, folder, work) => fromAddress(wanted, undefined, folder, work),
  go: async ({ spec, version, arch, sources, locked }, folder, work) => {
    const goLocked = locked !== undefined && 'go' in locked.from ? locked.from.go : undefined;
    const { path, origin } = await goInstall(tagged(spec, sources), version, arch, folder, work, goLocked);
    return { path, from: { go: origin } };
  },
};

/** The features that a profile names stand in place of the usual ones; how it is linked is no feature. */
const tagged = (spec: ArtifactSpec, { tags }: ArtifactSources): ArtifactSpec =>
  spec.go === undefined || tags === undefined
    ? spec
    : {
        ...spec,
        go: {
          ...spec.go,
          tags: [...tags, ...(spec.go.tags ?? []).filter((tag) => !features.includes(tag))],
          libraries: tags.includes('seccomp') ? (spec.go.libraries ?? []) : [],
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
    knownArchive(wanted) ??
    parseChecksum(
      await readFile(`${source}.sha256`, 'utf8').catch(() => ''),
      spec.archiveName(version, arch),
    );
  const sha256 = await requireChecksum(source, archive, expected);
  return extract(wanted, { path: archive, sha256 }, folder);
}

/** The digest that an archive must have, where anything but the publisher's own checksum file says it. */
const knownArchive = ({ spec, version, arch, sources, locked }: Wanted): Checksum | undefined =>
  pinnedChecksum(
    locked !== undefined && 'archive' in locked.from
      ? locked.from.archive.sha256
      : (sources.sha256?.[arch] ?? spec.pins[version]?.archives[arch]),
  );

/** `mirror` is the address of one; undefined: the project's own pages. */
async function fromAddress(
  wanted: Wanted,
  mirror: string | undefined,
  folder: string,
  work: Work,
): Promise<Brought> {
  const { spec, version, arch } = wanted;
  const url = mirror === undefined ? ownAddress(wanted) : mirrorAddress(wanted, mirror);
  const names = mirror === undefined ? spec.releaseNames?.(version, arch) : undefined;
  const name = names?.archive ?? spec.archiveName(version, arch);
  const sums = `${url.slice(0, -name.length)}${names?.checksum ?? `${name}.sha256`}`;
  const archive = join(folder, 'archive');
  const pinned = knownArchive(wanted);
  const expected = pinned ?? parseChecksum((await downloadText(sums, work)) ?? '', name);
  if (pinned === undefined && expected !== undefined)
    work.emit({
      kind: 'note',
      level: 'info',
      message: `${url}: checked by the checksum published beside it`,
    });
  await download(url, archive, work);
  const sha256 = await requireChecksum(url, archive, expected, sums);
  return extract(wanted, { path: archive, sha256 }, folder);
}

const mirrorAddress = ({ spec, version, arch }: Wanted, address: string): string =>
  `${address.replace(/\/+$/, '')}/${spec.archiveName(version, arch)}`;

const ownAddress = ({ spec, version, arch }: Wanted): string =>
  `${spec.releaseAddress(version, arch)}/${spec.releaseNames?.(version, arch).archive ?? spec.archiveName(version, arch)}`;

async function extract(
  wanted: Wanted,
  archive: { readonly path: string; readonly sha256: string },
  folder: string,
): Promise<Brought> {
  const { spec, version, arch, sources } = wanted;
  const { size } = await stat(archive.path);
  const path = await programOf(spec, archive.path, folder);
  const { mirror } = sources;
  const addresses = [ownAddress(wanted), ...(mirror === undefined ? [] : [mirrorAddress(wanted, mirror)])];
  const name = spec.archiveName(version, arch);
  return { path, from: { archive: { name, sha256: archive.sha256, bytes: size, addresses } } };
}
