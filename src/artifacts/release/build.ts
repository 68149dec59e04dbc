import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CachedFile } from '../cache.ts';
import type { Architecture } from '../pins.ts';
import type { Work } from '../report.ts';
import { bundles } from './bundles.ts';
import { pinnedFile, pinnedPackage } from './npm-package.ts';

/** The release folder of the runtime, as it will lie in `/usr/lib/berth/<version>/`. */
export interface Release {
  /** The package's version and a digest of all files: equal versions are equal bytes. */
  readonly version: string;
  readonly files: readonly ReleaseFile[];
}

export interface ReleaseFile extends CachedFile {
  readonly name: string;
  readonly mode: number;
}

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Builds the release folder's files for one architecture. Reproducible: the same checkout gives the
 * same bytes on every machine, because the compiler and the two binaries are pinned by the lock file.
 */
export async function buildRelease(arch: Architecture, work: Work, root = checkout): Promise<Release> {
  const files = [
    await binary(root, 'node', nodeOf(arch), work),
    await binary(root, 'koffi.node', koffiOf(arch), work),
    ...(await bundles(root)).map((file) => ({ ...file, mode: 0o644 })),
  ];
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const digest = createHash('sha256');
  for (const { name, sha256 } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    digest.update(`${sha256}  ${name}\n`);
  return { version: `${version}-${digest.digest('hex').slice(0, 12)}`, files };
}

/** The programs of a release that are compiled from this berth's own sources: the same for all architectures. */
export const ownPrograms = (root = checkout): ReturnType<typeof bundles> => bundles(root);

/** The npm packages that give files of the release for this architecture, by the file's name. */
export const npmPackagesOf = (arch: Architecture, root = checkout) =>
  Promise.all(
    Object.entries({ node: nodeOf(arch), 'koffi.node': koffiOf(arch) }).map(
      async ([name, { package: from }]) => [name, await pinnedPackage(root, from)] as const,
    ),
  );

const nodeOf = (arch: Architecture) => ({ package: `node-linux-${arch}`, file: 'bin/node', mode: 0o755 });

const koffiOf = (arch: Architecture) => ({
  package: `@koromix/koffi-linux-${arch}`,
  file: `linux_${arch}/koffi.node`,
  mode: 0o644,
});

async function binary(
  root: string,
  name: string,
  file: Parameters<typeof pinnedFile>[1],
  work: Work,
): Promise<ReleaseFile> {
  return { name, mode: file.mode, ...(await pinnedFile(root, file, work)) };
}
