import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Archive, packageArchives } from '../../artifacts/archives.ts';
import { Fail } from '../../core/fail.ts';

/** Magic numbers of statfs(2), linux/magic.h. */
const cgroup2Magic = 0x63677270;
const overlayMagic = 0x794c7630;

/** What this machine offers to embedded hosts. */
export interface Machine {
  /** The release of the archives that hosts are made of, e.g. `bookworm`. */
  readonly suite: string;
  /** Where hosts get their packages from. */
  readonly archives: readonly Archive[];
  /**
   * `unit`: cgroup v2 under systemd, which delegates a unit's cgroup. `folders`: cgroup v1 or hybrid,
   * one folder of ours in each of these hierarchies.
   */
  readonly cgroups:
    | { readonly kind: 'unit' }
    | { readonly kind: 'folders'; readonly hierarchies: readonly string[] };
  /** Of the modules that a container host wants: those that the running kernel has, built in or loaded. */
  readonly kernelHas: readonly string[];
  readonly kernelRelease: string;
}

export async function readMachine(): Promise<Machine> {
  return {
    ...(await packageArchives()),
    cgroups: await readCgroups(),
    kernelHas: await readKernelFeatures(),
    kernelRelease: (await readFile('/proc/sys/kernel/osrelease', 'utf8')).trim(),
  };
}

/** Refuses a folder that cannot hold the writable layer of an overlay. */
export async function requireOverlayUpper(folder: string): Promise<void> {
  if ((await statfs(folder)).type !== overlayMagic) return;
  throw new Fail('Unsupported', `${folder} lies on an overlay file system, which cannot hold another one`, {
    hint: 'set BERTH_QUICKSTART_FOLDER to a folder on a disk file system or a tmpfs',
  });
}

async function readCgroups(): Promise<Machine['cgroups']> {
  if ((await statfs('/sys/fs/cgroup')).type !== cgroup2Magic)
    return { kind: 'folders', hierarchies: hierarchiesOf(await readFile('/proc/self/mounts', 'utf8')) };
  // sd_booted(3): this folder exists exactly when systemd is the init of the machine.
  if (existsSync('/run/systemd/system')) return { kind: 'unit' };
  throw new Fail(
    'Unsupported',
    'cgroup v2 without systemd: nobody here can delegate a cgroup to an embedded host',
    {
      hint: 'run the quick start on a machine or virtual machine that systemd booted',
    },
  );
}

/** Mount points of every cgroup hierarchy: version 1's, and the version 2 one of a hybrid machine. */
export function hierarchiesOf(mounts: string): string[] {
  const points = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, point]) => point ?? '');
  return [...new Set(points)].sort();
}

/** A module counts when its work is visible in the running kernel, never because a file names it. */
async function readKernelFeatures(): Promise<string[]> {
  const has: string[] = [];
  const filesystems = await readFile('/proc/filesystems', 'utf8');
  if (/\toverlay$/m.test(filesystems)) has.push('overlay');
  if (existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables')) has.push('br_netfilter');
  return has;
}

/** Path of a program of this machine. */
export function programPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(':')
    .concat('/usr/sbin', '/sbin', '/usr/bin', '/bin')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}
