import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { Fail } from '../core/fail.ts';
import { type CachedFile, cachedBlob, keep, sha256OfFile, withScratch } from './cache.ts';
import type { ArtifactSpec } from './pins.ts';
import { makeTar, readTar, type TarEntry } from './tar.ts';

/** One file of an artifact. */
export interface ArtifactFile extends CachedFile {
  /** Its name; of an artifact that is a whole tree, its path in it. */
  readonly name: string;
  readonly mode: number;
}

/** An artifact as hosts get it. */
export interface Unpacked {
  readonly files: readonly ArtifactFile[];
  /** Symbolic links of a tree. */
  readonly links: readonly { readonly name: string; readonly target: string }[];
}

const unpackers = { 'tar.gz': promisify(gunzip), 'tar.zst': promisify(zstdDecompress) } as const;

/**
 * What a release's file comes to: the program, or, where hosts get several, an archive of these alone. Equal releases give
 * equal bytes: the lock knows them.
 * @throws Fail `Fetch` when it lacks one
 */
export async function programOf(spec: ArtifactSpec, archive: string, folder: string): Promise<string> {
  const { form = 'tar.gz', program, programs } = spec;
  const path = join(folder, program);
  if (form === 'program' || form === 'source') {
    await rename(archive, path);
    return path;
  }
  const entries = readTar(await unpackers[form](await readFile(archive)));
  const content = programs === undefined ? contentOf(entries, program) : makeTar(chosen(entries, programs));
  await writeFile(path, content);
  return path;
}

/** Several programs as one file: the form in which an artifact is kept and locked. */
export async function packPrograms(programs: readonly { name: string; path: string }[]): Promise<Buffer> {
  const entries = programs.map(
    async ({ name, path }): Promise<TarEntry> => ({
      path: name,
      mode: 0o755,
      content: await readFile(path),
    }),
  );
  return makeTar(await Promise.all(entries));
}

function chosen(entries: readonly TarEntry[], programs: readonly string[] | '*'): TarEntry[] {
  if (programs === '*')
    return entries.flatMap((entry) =>
      entry.content === 'folder' ? [] : [{ ...entry, path: entry.path.replace(/^\.?\//, '') }],
    );
  return programs.map((name) => ({ path: name, mode: 0o755, content: contentOf(entries, name) }));
}

function contentOf(entries: readonly TarEntry[], name: string): Buffer {
  const found = entries.find(
    ({ path, content }) => Buffer.isBuffer(content) && path.split('/').at(-1) === name,
  );
  if (found === undefined || !Buffer.isBuffer(found.content))
    throw new Fail('Fetch', `the archive holds no ${name}`);
  return found.content;
}

/** The files of an artifact, each in the cache. */
export async function unpacked(spec: ArtifactSpec, file: CachedFile): Promise<Unpacked> {
  if (spec.programs === undefined)
    return { files: [{ name: spec.program, mode: 0o755, ...file }], links: [] };
  const entries = readTar(await readFile(file.path));
  const files: ArtifactFile[] = [];
  for (const { path: name, content, mode } of entries)
    if (Buffer.isBuffer(content)) files.push({ name, mode, ...(await keptContent(content, mode)) });
  const links = entries.flatMap(({ path, content }) =>
    typeof content === 'object' && 'linkTo' in content ? [{ name: path, target: content.linkTo }] : [],
  );
  return { files, links };
}

const keptContent = (content: Buffer, mode: number): Promise<CachedFile> =>
  withScratch(async (folder) => {
    const path = join(folder, 'file');
    await writeFile(path, content);
    const sha256 = await sha256OfFile(path);
    return (await cachedBlob(sha256)) ?? (await keep(`blob-${sha256}`, path, mode));
  });
