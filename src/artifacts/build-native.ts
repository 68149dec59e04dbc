import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandOutput, runCommand } from '../core/command.ts';
import { Fail } from '../core/fail.ts';
import { parseOsRelease } from './archives.ts';
import type { Architecture, GoBuild } from './pins.ts';

/*
 * What is written in C, or linked with it, is built here and linked statically: hosts need neither a compiler nor the same
 * libraries as this machine.
 */

type Family = 'debian' | 'fedora';

/** What building takes besides Go, as the distributions call it; install.md of CRI-O lists more, for what berth leaves out. */
const buildPackages: Readonly<Record<Family, Readonly<Record<string, string>>>> = {
  debian: { gcc: 'gcc libc6-dev', 'pkg-config': 'pkg-config', libseccomp: 'libseccomp-dev' },
  // CentOS Stream and RHEL have the static libraries in CRB.
  fedora: {
    gcc: 'gcc glibc-static',
    'pkg-config': 'pkgconf-pkg-config',
    libseccomp: 'libseccomp-devel libseccomp-static',
  },
};

/**
 * What the build needs must be here before anything is fetched.
 * @throws Fail `Fetch` with the command that installs what is missing
 */
export async function requireToolsFor(go: GoBuild, arch: Architecture, signal: AbortSignal): Promise<void> {
  const { libraries = [], native = [] } = go;
  if (libraries.length === 0 && native.length === 0) return;
  if (arch !== process.arch)
    throw new Fail('Fetch', `${go.module} is partly C, and this machine builds C for ${process.arch} alone`, {
      hint: `run berth on a machine of ${arch}, or name another source than source`,
    });
  const tools = ['gcc', ...(libraries.length === 0 ? [] : ['pkg-config'])];
  const missing = tools.filter((tool) => !isInPath(tool));
  for (const library of missing.includes('pkg-config') ? [] : libraries)
    if (!(await hasStatic(library, signal))) missing.push(library);
  if (missing.length === 0) return;
  throw new Fail('Fetch', `building ${go.module} takes ${missing.join(', ')} on this machine`, {
    hint: `install it with: ${await installCommand(missing)}`,
  });
}

const isInPath = (tool: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, tool)));

async function hasStatic(library: string, signal: AbortSignal): Promise<boolean> {
  const { exitCode, stdout } = await runCommand(['pkg-config', '--variable=libdir', library], { signal });
  return exitCode === 0 && existsSync(join(stdout.trim(), `${library}.a`));
}

async function installCommand(missing: readonly string[]): Promise<string> {
  const { id } = parseOsRelease(await readFile('/etc/os-release', 'utf8').catch(() => 'ID=linux'));
  const family: Family = /debian|ubuntu|raspbian/.test(id) ? 'debian' : 'fedora';
  const packages = missing.map((name) => buildPackages[family][name] ?? name).join(' ');
  return family === 'debian' ? `apt-get install ${packages}` : `dnf install ${packages}`;
}

/** Compiles each folder's `src/*.c` into one static program of the folder's name. */
export async function buildNative(
  folders: readonly string[],
  source: string,
  folder: string,
  signal: AbortSignal,
): Promise<{ name: string; path: string }[]> {
  const out = join(folder, 'native');
  await mkdir(out, { recursive: true });
  const built = folders.map(async (name) => {
    const sources = join(source, name, 'src');
    const files = (await readdir(sources)).filter((file) => file.endsWith('.c')).toSorted();
    const path = join(out, name);
    const argv = ['gcc', '-std=c99', '-Os', '-static', '-s', `-I${sources}`, '-o', path];
    await commandOutput([...argv, ...files.map((file) => join(sources, file))], {
      signal,
      deadlineSeconds: 120,
    });
    return { name, path };
  });
  return Promise.all(built);
}
