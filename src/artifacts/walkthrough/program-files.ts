import { readFile, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Fail } from '../../core/fail.ts';
import type { Architecture } from '../pins.ts';
import type { TarEntry } from '../tar.ts';
import { linkageOf } from './elf.ts';

const triplets = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const;

/**
 * Programs (or modules) of extracted packages below `root`, with the dynamic loader and all libraries that they are
 * linked against, each where it stands in the packages, and the folders above them first.
 *
 * @throws Fail `Fetch` when the packages lack one of them.
 */
export async function programWithLibraries(
  root: string,
  programs: readonly string[],
  arch: Architecture,
): Promise<TarEntry[]> {
  const libraryFolder = `lib/${triplets[arch]}`;
  const libraries = new Map<string, string>();
  const interpreters = new Set<string>();
  const entries: TarEntry[] = [];
  const pending: string[] = [];
  for (const program of programs) {
    const file = await inRoot(root, [program]);
    pending.push(file);
    entries.push({ path: program, mode: 0o755, content: await readFile(file) });
  }
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const { interpreter, needed } = await linkageOf(file);
    if (interpreter !== undefined) interpreters.add(interpreter);
    for (const name of needed) {
      if (libraries.has(name)) continue;
      const found = await inRoot(root, [
        `${libraryFolder}/${name}`,
        `usr/${libraryFolder}/${name}`,
        `lib/${name}`,
      ]);
      libraries.set(name, found);
      pending.push(found);
    }
  }
  for (const path of interpreters)
    entries.push({
      path: path.slice(1),
      mode: 0o755,
      // Releases whose packages are merged into /usr bring it below there; the link from / is no part of a package.
      content: await readFile(await inRoot(root, [path.slice(1), `usr${path}`])),
    });
  for (const [name, file] of libraries)
    entries.push({ path: `${libraryFolder}/${name}`, mode: 0o755, content: await readFile(file) });
  return [...foldersOf(entries), ...entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))];
}

/** The folders above all entries, parents first. */
function foldersOf(entries: readonly TarEntry[]): TarEntry[] {
  const paths = new Set<string>();
  for (const { path } of entries) {
    const parts = path.split('/').slice(0, -1);
    parts.forEach((_, index) => {
      paths.add(parts.slice(0, index + 1).join('/'));
    });
  }
  return [...paths].sort().map((path) => ({ path, mode: 0o755, content: 'folder' }));
}

/** The first of the paths that exists below `root`, its links followed as if `root` were `/`. */
export async function inRoot(root: string, paths: readonly string[]): Promise<string> {
  const base = await realpath(root);
  for (const path of paths) {
    const file = await followLinks(base, join(base, path));
    if (file?.startsWith(`${base}/`)) return file;
  }
  throw new Fail('Fetch', `the extracted packages hold no ${basename(paths[0] ?? '')} (${paths.join(', ')})`);
}

const mostLinks = 8;

async function followLinks(base: string, path: string, left = mostLinks): Promise<string | undefined> {
  const target = await readlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EINVAL') return '';
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  // EINVAL: no link, so the file itself; its folders may still be links.
  if (target === '') return realpath(path);
  if (target === undefined || left === 0) return undefined;
  const next = target.startsWith('/') ? join(base, target) : resolve(dirname(path), target);
  return followLinks(base, next, left - 1);
}
