import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Archive, sourceLine } from '../../artifacts/archives.ts';
import { commandOutput } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { type Machine, programPath } from './machine.ts';

/** A booting system with sshd that a package manager can work in, and nothing else. */
const packages = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'openssh-server',
  'iproute2',
  'ca-certificates',
  'procps',
  'kmod',
];

const deadlineSeconds = 900;

/** Where the root file system for this machine's release lies, once made. */
export function baseFolder(folder: string, machine: Machine): string {
  const key = JSON.stringify([machine.archives, packages]);
  return join(folder, 'base', createHash('sha256').update(key).digest('hex').slice(0, 12));
}

/** The read-only root file system under every embedded host; made once, from the distribution's packages. */
export async function ensureBase(folder: string, machine: Machine, signal: AbortSignal): Promise<string> {
  const base = baseFolder(folder, machine);
  if (existsSync(base)) return base;
  const part = `${base}.part-${randomBytes(4).toString('hex')}`;
  await mkdir(join(folder, 'base'), { recursive: true });
  try {
    await commandOutput([...endWithUs, ...bootstrapCommand(part, machine.archives)], {
      signal,
      deadlineSeconds,
    });
    await writeFile(
      join(part, 'etc/apt/sources.list'),
      machine.archives.map(sourceLine).join('\n').concat('\n'),
    );
    await rename(part, base);
  } catch (cause) {
    await rm(part, { recursive: true, force: true });
    throw cause;
  }
  return base;
}

/**
 * The bootstrap program starts many others. In a pid namespace that dies with this process none of
 * them outlives a `kill -9` of it.
 */
const endWithUs = ['setpriv', '--pdeathsig', 'KILL', '--'].concat([
  'unshare',
  '--fork',
  '--pid',
  '--kill-child',
  '--mount-proc',
  '--',
]);

function bootstrapCommand(target: string, archives: readonly Archive[]): string[] {
  const [main] = archives;
  if (main === undefined) throw new Fail('Internal', 'no package archive for the root file system');
  if (programPath('mmdebstrap') !== undefined) return mmdebstrap(target, main.suite, archives);
  if (programPath('debootstrap') !== undefined) return debootstrap(target, main);
  throw new Fail('Unsupported', 'neither mmdebstrap nor debootstrap is installed');
}

const mmdebstrap = (target: string, suite: string, archives: readonly Archive[]): string[] => [
  'mmdebstrap',
  '--quiet',
  '--variant=apt',
  `--include=${packages.join(',')}`,
  '--aptopt=Acquire::Languages "none"',
  '--aptopt=APT::Install-Recommends "false"',
  ...['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
  suite,
  target,
  ...archives.map(sourceLine),
];

const debootstrap = (target: string, { suite, uri, components }: Archive): string[] => [
  'debootstrap',
  '--variant=minbase',
  `--include=${packages.join(',')}`,
  `--components=${components.join(',')}`,
  suite,
  target,
  uri,
];
