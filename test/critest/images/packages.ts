import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageArchives, sourceLine } from '../../../src/artifacts/archives.ts';
import { programWithLibraries } from '../../../src/artifacts/walkthrough/program-files.ts';
import type { TarMember } from '../../harness/tar.ts';

const run = promisify(execFile);
const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'x64';

/** Packages of this machine's distribution with all that they depend on, unpacked into a folder; nothing of them is run. */
export const extractPackages = async (folder: string, packages: readonly string[]): Promise<void> => {
  const { suite, archives } = await packageArchives();
  await run(
    'mmdebstrap',
    ['--quiet', '--variant=extract', `--include=${packages.join(',')}`, suite, folder].concat(
      archives.map(sourceLine),
    ),
  );
};

/** Members of a layer: these programs of extracted packages, at the given paths, with the libraries that they load. */
export const programs = async (
  root: string,
  wanted: Readonly<Record<string, string>>,
): Promise<TarMember[]> => {
  const placed = new Map<string, string>();
  for (const [path, inPackage] of Object.entries(wanted)) placed.set(await locate(root, inPackage), path);
  const entries = await programWithLibraries(root, [...placed.keys()], ARCHITECTURE);
  return entries.map(({ path, mode, content }): TarMember => {
    const at = placed.get(path) ?? path;
    if (content === 'folder') return { path: at, mode, flag: '5' };
    return Buffer.isBuffer(content)
      ? { path: at, mode, body: content }
      : { path: at, flag: '2', target: content.linkTo };
  });
};

/** Where a file of extracted packages is: releases that are merged into /usr bring `bin/…` as `usr/bin/…`. */
export const locate = async (root: string, path: string): Promise<string> => {
  for (const candidate of [path, `usr/${path}`]) if (await exists(join(root, candidate))) return candidate;
  throw new Error(`the extracted packages hold no ${path}`);
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
