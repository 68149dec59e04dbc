import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandOutput } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { type CachedFile, cached, keep, withScratch } from '../cache.ts';
import type { Work } from '../report.ts';

const packDeadlineSeconds = 300;

/** A file of an npm package that package-lock.json pins, for architectures that `npm ci` does not install. */
export interface PackageFile {
  readonly package: string;
  /** Path inside the package. */
  readonly file: string;
  readonly mode: number;
}

interface Locked {
  readonly version: string;
  readonly integrity: string;
}

/** The pinned file: from node_modules where npm has checked it, else packed by npm and checked here. */
export async function pinnedFile(root: string, wanted: PackageFile, work: Work): Promise<CachedFile> {
  const locked = await lockedPackage(root, wanted.package);
  const digest = createHash('sha256').update(`${locked.integrity} ${wanted.file}`).digest('hex').slice(0, 16);
  const key = `npm-${wanted.package.replace(/[@/]/g, '_')}-${locked.version}-${digest}`;
  const known = await cached(key);
  if (known !== undefined) return known;
  return withScratch(async (folder) => {
    const file = join(folder, 'file');
    const installed = join(root, 'node_modules', wanted.package);
    const source = (await installedVersion(installed)) === locked.version ? installed : undefined;
    const from = source ?? (await packed(wanted.package, locked, folder, work));
    await commandOutput(['cp', '--reflink=auto', join(from, wanted.file), file], { signal: work.signal });
    return keep(key, file, wanted.mode);
  });
}

async function packed(name: string, locked: Locked, folder: string, work: Work): Promise<string> {
  const spec = `${name}@${locked.version}`;
  const options = {
    signal: work.signal,
    cwd: folder,
    deadlineSeconds: packDeadlineSeconds,
    endsWithUs: true,
  };
  const answer = await commandOutput(['npm', 'pack', '--silent', '--json', spec], options);
  const archive = join(folder, archiveOf(answer, spec));
  const actual = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`;
  if (actual !== locked.integrity)
    throw new Fail(
      'ChecksumMismatch',
      `npm's ${spec} is ${actual}; package-lock.json pins ${locked.integrity}`,
      {
        hint: 'the registry or a proxy before it sends another package than the one that was locked',
      },
    );
  await commandOutput(['tar', '--extract', '--gzip', '--file', archive], options);
  return join(folder, 'package');
}

/** npm 9 to 11 answer a list; the name of the file in it may hold the scope's slash in older ones. */
function archiveOf(answer: string, spec: string): string {
  const parsed: unknown = JSON.parse(answer);
  const first: unknown = Array.isArray(parsed) ? parsed[0] : undefined;
  if (
    typeof first === 'object' &&
    first !== null &&
    'filename' in first &&
    typeof first.filename === 'string'
  )
    return first.filename.replace(/^@/, '').replace('/', '-');
  throw new Fail('Fetch', `npm pack ${spec} did not say which file it wrote`);
}

/** The package as package-lock.json pins it, and where the public registry has it. */
export async function pinnedPackage(
  root: string,
  name: string,
): Promise<Locked & { readonly name: string; readonly address: string }> {
  const { version, integrity } = await lockedPackage(root, name);
  const base = name.split('/').at(-1);
  return { name, version, integrity, address: `https://registry.npmjs.org/${name}/-/${base}-${version}.tgz` };
}

async function lockedPackage(root: string, name: string): Promise<Locked> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Partial<Locked>>;
  };
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined)
    throw new Fail('Internal', `package-lock.json does not pin ${name}`);
  return { version, integrity };
}

async function installedVersion(folder: string): Promise<string | undefined> {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(await readFile(manifest, 'utf8')) as { version: string }).version;
}
