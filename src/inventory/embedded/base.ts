import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sourceLine } from '../../artifacts/archives.ts';
import { commandOutput } from '../../core/command.ts';
import type { Machine } from './machine.ts';

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

/** Half a minute as a rule; a quarter of an hour has been seen on an emulated machine. */
const deadlineSeconds = 3600;

/** Where the root file system for this machine's release lies, once made. */
export function baseFolder(folder: string, machine: Machine): string {
  const key = JSON.stringify(mmdebstrap('', machine));
  return join(folder, 'base', createHash('sha256').update(key).digest('hex').slice(0, 12));
}

/** The read-only root file system under every embedded host; made once, from the distribution's packages. */
export async function ensureBase(folder: string, machine: Machine, signal: AbortSignal): Promise<string> {
  const base = baseFolder(folder, machine);
  if (existsSync(base)) return base;
  const part = `${base}.part-${randomBytes(4).toString('hex')}`;
  await mkdir(join(folder, 'base'), { recursive: true });
  try {
    await commandOutput(mmdebstrap(part, machine), {
      signal,
      deadlineSeconds,
      endsWithUs: true,
    });
    await writeFile(
      join(part, 'etc/apt/sources.list'),
      machine.archives.map(sourceLine).join('\n').concat('\n'),
    );
    await rename(part, base);
  } catch (cause) {
    await rm(part, { recursive: true, force: true });
    // Another process was faster: equal keys are equal root file systems.
    if (!existsSync(base)) throw cause;
  }
  return base;
}

const mmdebstrap = (target: string, { suite, archives }: Machine): string[] => [
  'mmdebstrap',
  '--quiet',
  '--variant=apt',
  `--include=${packages.join(',')}`,
  '--aptopt=Acquire::Languages "none"',
  '--aptopt=APT::Install-Recommends "false"',
  // A throw-away host need not survive a power cut: no fsync for every file of every package.
  '--dpkgopt=force-unsafe-io',
  ...['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
  suite,
  target,
  ...archives.map(sourceLine),
];
