import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedFile, cached, keep, withScratch } from '../cache.ts';
import { type Inputs, inputsOf, readInputs, writeInputs } from './inputs.ts';

export interface Bundle extends CachedFile {
  readonly name: string;
}

/** Bundled programs, and the files that they start as workers, by the name in the release folder. */
const entries: Readonly<Record<string, string>> = {
  'berthd.mjs': 'runtime/berthd.ts',
  'berth-shim.mjs': 'runtime/berth-shim.ts',
  'berth-pull.mjs': 'runtime/berth-pull.ts',
};

/** The programs of the checkout `root`, bundled: those of the last time when nothing that they are made of changed. */
export async function bundles(root: string): Promise<readonly Bundle[]> {
  const prefix = `bundle-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
  return (await unchanged(root, prefix)) ?? (await compile(root, prefix));
}

async function unchanged(root: string, prefix: string): Promise<readonly Bundle[] | undefined> {
  const last = await readInputs(prefix);
  if (last === undefined || inputsOf(root, last.paths).text !== last.text) return undefined;
  const files: Bundle[] = [];
  for (const name of Object.keys(entries)) {
    const file = await cached(`${prefix}-${name}`);
    // Another berth may be replacing them at this moment.
    if (file === undefined || file.sha256 !== last.made[name]) return undefined;
    files.push({ name, ...file });
  }
  return files;
}

async function compile(root: string, prefix: string): Promise<readonly Bundle[]> {
  const began = Date.now();
  const before = inputsOf(root, []);
  const made = await Promise.all(Object.entries(entries).map(([name, entry]) => bundle(root, name, entry)));
  const files = await withScratch((folder) => keepAll(folder, prefix, made));
  const paths = [...new Set(made.flatMap(({ inputs }) => inputs))];
  const inputs: Inputs = inputsOf(root, paths);
  // What changed while it was compiled, or just before, may be in the bundles or not: the next build compiles again.
  if (inputs.restedBefore(began) && inputsOf(root, []).text === before.text)
    await writeInputs(prefix, {
      paths,
      text: inputs.text,
      made: Object.fromEntries(files.map(({ name, sha256 }) => [name, sha256])),
    });
  return files;
}

interface Compiled {
  readonly name: string;
  readonly contents: Uint8Array;
  /** The files that it is made of, relative to the checkout. */
  readonly inputs: readonly string[];
}

async function keepAll(folder: string, prefix: string, made: readonly Compiled[]): Promise<Bundle[]> {
  const files: Bundle[] = [];
  for (const { name, contents } of made) {
    const path = join(folder, name);
    await writeFile(path, contents);
    files.push({ name, ...(await keep(`${prefix}-${name}`, path, 0o644)) });
  }
  return files;
}

/**
 * Libraries in CommonJS form ask for Node's modules by require(), which an ES module does not have;
 * koffi is loaded by path from the release folder, so the bundle never sees it.
 */
async function bundle(root: string, name: string, entry: string): Promise<Compiled> {
  const { build } = await import('esbuild');
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
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
  return { name, contents: output.contents, inputs: Object.keys(result.metafile.inputs) };
}
