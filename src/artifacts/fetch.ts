import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Fail } from '../core/fail.ts';
import { type CachedFile, cached, keep, sha256OfFile, withScratch } from './cache.ts';
import { download, downloadText } from './download.ts';
import { goInstall } from './go-install.ts';
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
}

/**
 * A program for hosts, of exactly this version: from the cache, or by the ways that `sources` allows.
 * Whatever the way, a checksum or the Go checksum database decides. Fail `Fetch` lists what each way
 * said; Fail `ChecksumMismatch` stops at once, because a wrong file is no reason to try the next one.
 */
export async function fetchArtifact(
  name: ArtifactName,
  version: string,
  arch: Architecture,
  sources: ArtifactSources,
  work: Work,
): Promise<CachedFile> {
  const key = `${name}-${version}-${arch}`;
  const known = await cached(key);
  if (known !== undefined) return known;
  const wanted = { spec: artifactSpecs[name], version, arch, sources };
  return withScratch(async (folder) => {
    const program = await byFirstWay(wanted, folder, work);
    return keep(key, program, 0o755);
  });
}

async function byFirstWay(wanted: Wanted, folder: string, work: Work): Promise<string> {
  const failures: Fail[] = [];
  for (const way of waysOf(wanted.sources)) {
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

const ways: Record<Way, (wanted: Wanted, folder: string, work: Work) => Promise<string>> = {
  folder: fromFolder,
  mirror: (wanted, folder, work) => {
    if (wanted.sources.mirror === undefined)
      throw new Fail('BadProfile', 'spec.artifacts.source is mirror, but spec.artifacts.mirror is not set');
    return fromAddress(wanted, wanted.sources.mirror, folder, work);
  },
  release: (wanted, folder, work) =>
    fromAddress(wanted, wanted.spec.releaseAddress(wanted.version), folder, work),
  go: ({ spec, version, arch }, folder, work) => goInstall(spec, version, arch, folder, work),
};

async function fromFolder(wanted: Wanted, folder: string): Promise<string> {
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
    spec.pins[version]?.archives[arch] ??
    parseChecksum(await readFile(`${source}.sha256`, 'utf8').catch(() => ''));
  requireChecksum(source, await sha256OfFile(archive), expected);
  return extract(wanted, archive, folder);
}

async function fromAddress(wanted: Wanted, address: string, folder: string, work: Work): Promise<string> {
  const { spec, version, arch } = wanted;
  const url = `${address.replace(/\/+$/, '')}/${spec.archiveName(version, arch)}`;
  const archive = join(folder, 'archive');
  const pinned = spec.pins[version]?.archives[arch];
  const expected = pinned ?? parseChecksum((await downloadText(`${url}.sha256`, work)) ?? '');
  if (pinned === undefined && expected !== undefined)
    work.emit({
      kind: 'note',
      level: 'info',
      message: `${url}: checked by the checksum published beside it`,
    });
  requireChecksum(url, await download(url, archive, work), expected);
  return extract(wanted, archive, folder);
}

/** The first word of a checksum file: `<hex>` or `<hex>  <name>`. */
const parseChecksum = (text: string): string | undefined =>
  /^\s*([0-9a-f]{64})\b/i.exec(text)?.[1]?.toLowerCase();

function requireChecksum(source: string, actual: string, expected: string | undefined): void {
  if (expected === undefined)
    throw new Fail('Fetch', `${source} has no checksum: none is pinned, and ${source}.sha256 does not exist`);
  if (actual === expected) return;
  throw new Fail('ChecksumMismatch', `${source} has sha256 ${actual}; ${expected} is expected`, {
    hint: 'the file was damaged or replaced: remove it, or ask who publishes it',
    context: { source, actual, expected },
  });
}

async function extract({ spec }: Wanted, archive: string, folder: string): Promise<string> {
  const content = findInTar(await promisify(gunzip)(await readFile(archive)), spec.program);
  if (content === undefined) throw new Fail('Fetch', `the archive holds no ${spec.program}`);
  const program = join(folder, spec.program);
  await writeFile(program, content);
  return program;
}
