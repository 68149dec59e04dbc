import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type CachedFile, keep, withScratch } from '../cache.ts';
import type { Architecture } from '../pins.ts';
import type { Work } from '../report.ts';
import { pinnedFile } from './npm-package.ts';

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

/** Bundled programs, and the files that they start as workers, by the name in the release folder. */
const entries: Readonly<Record<string, string>> = {
  'berthd.mjs': 'runtime/berthd.ts',
  'berth-shim.mjs': 'runtime/berth-shim.ts',
  'berth-pull.mjs': 'runtime/berth-pull.ts',
};

/**
 * Builds the release folder's files for one architecture. Reproducible: the same checkout gives the
 * same bytes on every machine, because the compiler and the two binaries are pinned by the lock file.
 */
export async function buildRelease(arch: Architecture, work: Work, root = checkout): Promise<Release> {
  const files = [
    await binary(root, 'node', { package: `node-linux-${arch}`, file: 'bin/node', mode: 0o755 }, work),
    await binary(root, 'koffi.node', koffiOf(arch), work),
    ...(await bundles(root)),
  ];
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const digest = createHash('sha256');
  for (const { name, sha256 } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    digest.update(`${sha256}  ${name}\n`);
  return { version: `${version}-${digest.digest('hex').slice(0, 12)}`, files };
}

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

async function bundles(root: string): Promise<ReleaseFile[]> {
  return withScratch(async (folder) => {
    const made = await Promise.all(
      Object.entries(entries).map(async ([name, entry]) => {
        const path = join(folder, name);
        await writeFile(path, await bundle(root, entry));
        return { name, path };
      }),
    );
    const files: ReleaseFile[] = [];
    for (const { name, path } of made)
      files.push({ name, mode: 0o644, ...(await keep(`bundle-${name}`, path, 0o644)) });
    return files;
  });
}

/**
 * Libraries in CommonJS form ask for Node's modules by require(), which an ES module does not have;
 * koffi is loaded by path from the release folder, so the bundle never sees it.
 */
async function bundle(root: string, entry: string): Promise<Uint8Array> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    legalComments: 'none',
    logLevel: 'silent',
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error(`esbuild made nothing from ${entry}`);
  return output.contents;
}
