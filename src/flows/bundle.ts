import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepositoryFile } from '../artifacts/bundle/apt-repository.ts';
import { type ClosureFile, closureOf } from '../artifacts/bundle/closure.ts';
import { lockPath, memberPaths } from '../artifacts/bundle/manifest.ts';
import { repositoryIndexes } from '../artifacts/bundle/repository-index.ts';
import { type BundleFile, type Compression, writeBundle } from '../artifacts/bundle/write-bundle.ts';
import { type CachedFile, cachedBlob, keep, sha256OfFile, withScratch } from '../artifacts/cache.ts';
import { download } from '../artifacts/download.ts';
import { inParallel } from '../artifacts/in-parallel.ts';
import { formatLock } from '../artifacts/lock/format-lock.ts';
import type { LockInUse } from '../artifacts/lock/in-use.ts';
import type { LockedDistribution, LockedPackage } from '../artifacts/lock/lock.ts';
import type { Architecture } from '../artifacts/pins.ts';
import type { Work } from '../artifacts/report.ts';
import { supplyImage } from '../artifacts/supply/image.ts';
import { supplyProgram } from '../artifacts/supply/program.ts';
import { supplyRelease } from '../artifacts/supply/release.ts';
import { Fail } from '../core/fail.ts';
import type { FlowContext } from './context.ts';
import { artifactsOf } from './lock.ts';
import { inPhase } from './on-hosts.ts';

/** Archives of distributions are served by many for many: no more at a time from us. */
const downloadsAtOnce = 4;

export interface MadeBundle {
  readonly sha256: string;
  readonly bytes: number;
  readonly members: number;
}

/** Writes everything that the lock names, and nothing else, into one archive. No host is contacted. */
export async function makeBundle(
  context: FlowContext,
  inUse: LockInUse,
  out: { readonly path: string; readonly compression: Compression },
): Promise<MadeBundle> {
  const host = 'this machine';
  const work = { emit: context.emit, signal: context.signal, host };
  return inPhase(context, host, 'prepare', async () => {
    await supplyArtifacts(context, inUse, work);
    const files = [...(await lockMember(inUse)), ...(await closureMembers(inUse, work))];
    const { sha256, bytes } = await writeBundle(out.path, files, out.compression, work);
    return { sha256, bytes, members: files.length };
  });
}

/** Fetches, builds and makes what is not a package; afterwards the cache has it under the locked digests. */
async function supplyArtifacts({ profile }: FlowContext, inUse: LockInUse, work: Work): Promise<void> {
  const { artifacts, release, image = {} } = inUse.lock;
  for (const [key, { name, version, sources }] of artifactsOf(profile.hosts))
    for (const arch of architecturesIn(artifacts[key]?.files ?? {}))
      await supplyProgram(name, version, arch, sources, work, inUse);
  for (const arch of architecturesIn(release)) await supplyRelease(arch, work, inUse);
  for (const arch of architecturesIn(image)) await supplyImage(arch, work, inUse);
}

const architecturesIn = (part: object): Architecture[] =>
  (['x64', 'arm64'] as const).filter((arch) => arch in part);

async function lockMember({ lock }: LockInUse): Promise<BundleFile[]> {
  return [{ member: lockPath, ...(await keepText('lock', formatLock(lock))) }];
}

async function closureMembers(inUse: LockInUse, work: Work): Promise<BundleFile[]> {
  const packages = new Map(
    Object.entries(inUse.lock.packages ?? {}).flatMap(([key, distribution]) =>
      Object.values(distribution.packages).map(
        (each) => [memberPaths.packages(key, each.file), each] as const,
      ),
    ),
  );
  const files = await inParallel(closureOf(inUse.lock), downloadsAtOnce, async (file) => ({
    member: file.member,
    ...(await locate(file, packages.get(file.member), work)),
  }));
  const indexes: BundleFile[] = [];
  for (const [key, distribution] of Object.entries(inUse.lock.packages ?? {}))
    indexes.push(...(await indexMembers(key, distribution, files, work)));
  return [...files, ...indexes].toSorted((a, b) => (a.member < b.member ? -1 : 1));
}

async function locate(file: ClosureFile, from: LockedPackage | undefined, work: Work): Promise<CachedFile> {
  const known = await cachedBlob(file.sha256);
  if (known !== undefined) return known;
  if (from !== undefined) return fetchPackage(file, from.address, work);
  throw new Fail('NotLocked', `${file.what} is locked, and no host of the profile needs it any more`, {
    hint: 'run berth lock, look at what it changed, and keep it',
  });
}

async function fetchPackage({ what, sha256 }: ClosureFile, address: string, work: Work): Promise<CachedFile> {
  return withScratch(async (folder) => {
    const path = join(folder, 'package');
    const actual = await download(address, path, work);
    if (actual === sha256) return keep(`blob-${sha256}`, path, 0o644);
    throw new Fail(
      'ChecksumMismatch',
      `${address} has sha256 ${actual}; berth.lock has ${sha256} for ${what}`,
      {
        hint: 'the archive or a proxy before it sends something else than it did: ask who runs it',
        context: { actual, expected: sha256 },
      },
    );
  });
}

/** The repository's own files; the package manager of the host reads them. */
async function indexMembers(
  key: string,
  { manager, packages }: LockedDistribution,
  files: readonly BundleFile[],
  work: Work,
): Promise<BundleFile[]> {
  const byMember = new Map(files.map((file) => [file.member, file]));
  const repository = Object.values(packages).flatMap(({ file }): RepositoryFile[] => {
    const found = byMember.get(memberPaths.packages(key, file));
    return found === undefined ? [] : [{ file, path: found.path, sha256: found.sha256, bytes: found.bytes }];
  });
  const index = await repositoryIndexes[manager].make(repository, work);
  const members: BundleFile[] = [];
  for (const [name, text] of Object.entries(index))
    members.push({ member: memberPaths.packages(key, name), ...(await keepText('index', text)) });
  return members;
}

const keepText = (name: string, text: string): Promise<CachedFile> =>
  withScratch(async (folder) => {
    const path = join(folder, name);
    await writeFile(path, text);
    return keep(`blob-${await sha256OfFile(path)}`, path, 0o644);
  });
