import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import type { Facts, ProbeRequest } from '../host/facts/probe.ts';

type Architecture = NonNullable<Facts['system']['arch']>;

/** A distribution as its images come: what berth knows of a machine that is not there yet. */
export interface BareSystem {
  /** As it was asked for: `debian:12`. */
  readonly name: string;
  /** ID of os-release(5). */
  readonly id: string;
  /** Start of VERSION_ID; empty: any. */
  readonly version: string;
  /** VARIANT_ID; undefined: none is asked for. */
  readonly variant?: string;
  readonly idLike: readonly string[];
  readonly manager: 'apt' | 'dnf';
  readonly image?: 'layered';
}

const like: Readonly<Record<string, readonly string[]>> = {
  debian: [],
  ubuntu: ['debian'],
  fedora: [],
  centos: ['rhel', 'fedora'],
  rhel: ['fedora'],
  rocky: ['rhel', 'centos', 'fedora'],
  almalinux: ['rhel', 'centos', 'fedora'],
};

/** Its releases come every two weeks, and update themselves: none is worth naming. */
const coreos = 'fedora-coreos';

/** The system that a name such as `debian:12` means. @throws Fail `BadUsage` */
export function bareSystem(name: string): BareSystem {
  if (name === coreos)
    return {
      name,
      id: 'fedora',
      version: '',
      variant: 'coreos',
      idLike: [],
      manager: 'dnf',
      image: 'layered',
    };
  const [id = '', version = ''] = name.split(':');
  const idLike = like[id];
  const names = [...Object.keys(like), coreos];
  if (idLike === undefined)
    throw new Fail('BadUsage', `--os names ${name}, which is no distribution that berth knows`, {
      hint:
        nearest(id, names) === undefined
          ? `there are ${names.join(', ')}`
          : `did you mean ${nearest(id, names)}?`,
    });
  if (!/^\d+(\.\d+)?$/.test(version))
    throw new Fail('BadUsage', `--os names ${name} without a release`, {
      hint: `write it as in ${id}:${id === 'ubuntu' ? '24.04' : '12'}`,
    });
  const family = [id, ...idLike];
  return { name, id, version, idLike, manager: family.includes('debian') ? 'apt' : 'dnf' };
}

const machines: Readonly<Record<Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** `uname -m` of an architecture. */
export const machineOf = (arch: Architecture): string => machines[arch];

/**
 * A machine that was just made from an image of the system, as the probe would find it: nothing of what the profile could
 * touch is there, and all of it can be had. What images of one system differ in is the matter of circumstances.ts.
 */
export function bareHost(system: BareSystem, arch: Architecture, request: ProbeRequest): Facts {
  const folders = request.disks.map(
    (folder) => [folder, { mountPoint: '/', freeBytes: Number.MAX_SAFE_INTEGER }] as const,
  );
  return {
    system: {
      os: { id: system.id, idLike: system.idLike, versionId: system.version, prettyName: system.name },
      machine: machineOf(arch),
      arch,
      kernel: 'the kernel of its image',
      cgroup: 'v2',
      systemd: 250,
      container: '',
      memoryBytes: { total: 0, available: 0 },
      identity: '',
      missingTools: [],
      unpacks: 'gzip',
      readOnly: new Set(system.image === undefined ? [] : ['/usr']),
      image: system.image,
    },
    packages: {
      manager: system.manager,
      packages: new Map(),
      listsAgeSeconds: undefined,
      neededBy: new Map(),
    },
    files: new Map(),
    units: new Map(),
    kernel: {
      modules: new Map(request.modules.map((name) => [name, 'available'])),
      hasModuleTree: true,
      // Never what is wanted: all of them are set. A bridge's keys come with its module.
      sysctls: new Map(
        request.sysctls.map((key) => [
          key,
          { value: /^net[./]bridge[./]/.test(key) ? undefined : '', writable: true },
        ]),
      ),
      interfaces: new Set(),
    },
    releases: {
      root: request.releases[system.image === undefined ? 0 : 1] ?? '',
      current: undefined,
      releases: new Map(),
    },
    disks: new Map(folders),
    install: {
      origins: [],
      applied: new Map(),
      stale: new Set(),
      staleSince: new Map(),
      generations: [],
      journalBytes: 0,
      guarded: false,
      interrupted: undefined,
    },
    clock: undefined,
    health: {
      clockSkewSeconds: undefined,
      swaps: [],
      selinux: undefined,
      apparmor: { enabled: false, parser: false },
      mounts: new Map(),
      routes: [],
      ufwRoutes: new Set(),
      rules: new Set(),
      controllers: new Set(['cpuset', 'cpu', 'io', 'memory', 'pids']),
    },
    trouble: undefined,
  };
}
