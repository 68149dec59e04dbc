import { createHash } from 'node:crypto';
import { Sealed } from '../../../src/core/secret.ts';
import type { FileFact } from '../../../src/host/facts/files.ts';
import type { HealthFacts } from '../../../src/host/facts/health.ts';
import type { Interrupted, OriginRecord } from '../../../src/host/facts/install.ts';
import type { PackageFact } from '../../../src/host/facts/packages.ts';
import type { Facts } from '../../../src/host/facts/probe.ts';
import type { SystemFacts } from '../../../src/host/facts/system.ts';
import type { TroubleFacts } from '../../../src/host/facts/trouble.ts';
import type { UnitFact } from '../../../src/host/facts/units.ts';

/** A host in the short form of the case files: what is not said is as on a bare Debian host. */
export interface ShortFacts {
  readonly manager?: 'apt' | 'dnf' | 'none';
  readonly image?: 'layered' | 'fixed';
  readonly readOnly?: readonly string[];
  readonly files?: Readonly<Record<string, ShortFile>>;
  readonly packages?: Readonly<Record<string, Partial<PackageFact>>>;
  readonly listsAgeSeconds?: number;
  readonly neededBy?: Readonly<Record<string, readonly string[]>>;
  readonly units?: Readonly<Record<string, Partial<UnitFact>>>;
  readonly modules?: Readonly<Record<string, 'active' | 'available' | 'missing'>>;
  readonly hasModuleTree?: boolean;
  readonly sysctls?: Readonly<Record<string, { readonly value?: string; readonly writable?: boolean }>>;
  readonly interfaces?: readonly string[];
  readonly current?: string;
  readonly releases?: Readonly<Record<string, Readonly<Record<string, ShortFile>>>>;
  readonly origins?: readonly OriginRecord[];
  readonly applied?: Readonly<Record<string, string>>;
  readonly stale?: readonly string[];
  readonly clock?: number;
  readonly staleSince?: Readonly<Record<string, number>>;
  readonly guarded?: boolean;
  readonly interrupted?: Pick<Interrupted, 'by' | 'step'> & Partial<Interrupted>;
  readonly system?: Partial<SystemFacts>;
  readonly health?: Partial<HealthFacts>;
  readonly trouble?: Partial<TroubleFacts>;
}

const soundHealth: HealthFacts = {
  clockSkewSeconds: 0,
  swaps: [],
  selinux: undefined,
  apparmor: { enabled: false, parser: false },
  mounts: new Map(),
  routes: [],
  ufwRoutes: new Set(),
  rules: new Set(),
  controllers: new Set(['cpuset', 'cpu', 'io', 'memory', 'pids']),
};

const noTrouble: TroubleFacts = {
  packageLockHolder: undefined,
  packageAudit: '',
  owners: new Map(),
  altered: new Map(),
  berthLockHolder: undefined,
  denials: [],
  sysctlSettings: [],
  bootModules: new Set(['overlay', 'br_netfilter']),
  forward: new Map(),
  baseChains: [],
  trustedSources: undefined,
  inodes: new Map(),
  failedUnits: [],
  clockSynchronized: undefined,
  nameservers: [],
  hostname: undefined,
  kubelet: undefined,
  listeners: [],
};

export type ShortFile =
  | {
      readonly text: string;
      readonly mode?: string;
      readonly owner?: string;
      readonly changedAt?: number;
    }
  | { readonly sha256: string; readonly bytes?: number; readonly mode?: string }
  | { readonly link: string }
  | { readonly folder: 'full' | 'empty' | 'empty mount' };

export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

export function fileFact(file: ShortFile): FileFact {
  if ('link' in file) return { kind: 'link', target: file.link };
  if ('folder' in file) {
    return {
      kind: 'directory',
      mode: 0o755,
      empty: file.folder !== 'full',
      mountPoint: file.folder === 'empty mount',
    };
  }
  const all = 'text' in file ? file.text : undefined;
  const mode = Number.parseInt(file.mode ?? '644', 8);
  const text = (mode & 0o004) === 0 ? undefined : all;
  return {
    ...(all === undefined || text !== undefined ? {} : { sealed: new Sealed(all) }),
    kind: 'file',
    mode,
    owner: ('owner' in file ? file.owner : undefined) ?? '0:0',
    bytes: all === undefined ? 100_000 : all.length,
    sha256: 'sha256' in file ? file.sha256 : sha256Of(file.text),
    text,
    ...('changedAt' in file && file.changedAt !== undefined ? { changedAt: file.changedAt } : {}),
  };
}

export function factsOf(short: ShortFacts): Facts {
  const files = Object.entries(short.files ?? {}).map(([path, file]) => [path, fileFact(file)] as const);
  return {
    system: {
      os: { id: 'debian', idLike: [], versionId: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)' },
      machine: 'x86_64',
      arch: 'x64',
      kernel: '6.1.0-30-amd64',
      cgroup: 'v2',
      systemd: 252,
      container: '',
      memoryBytes: { total: 2 ** 31, available: 2 ** 30 },
      identity: '0123456789abcdef0123456789abcdef',
      missingTools: [],
      unpacks: 'gzip',
      readOnly: new Set(short.readOnly),
      image: short.image,
      ...short.system,
    },
    packages: {
      manager: short.manager === 'none' ? undefined : (short.manager ?? 'apt'),
      packages: mapOf(short.packages, (fact) => ({
        state: 'absent',
        version: undefined,
        candidate: undefined,
        ...fact,
      })),
      listsAgeSeconds: short.listsAgeSeconds,
      neededBy: mapOf(short.neededBy, (names) => names),
    },
    files: new Map(files),
    units: mapOf(short.units, (fact) => ({
      loaded: true,
      fileState: '',
      activeState: 'inactive',
      needsReload: false,
      mainProcess: undefined,
      ...fact,
    })),
    kernel: {
      modules: mapOf(short.modules, (state) => state),
      hasModuleTree: short.hasModuleTree ?? true,
      sysctls: mapOf(short.sysctls, ({ value, writable }) => ({ value, writable: writable ?? true })),
      interfaces: new Set(short.interfaces ?? []),
    },
    releases: {
      root: '/usr/lib/berth',
      current: short.current,
      releases: mapOf(short.releases, (release) => mapOf(release, fileFact)),
    },
    disks: new Map(
      ['/usr', '/var', '/etc'].map((folder) => [folder, { mountPoint: '/', freeBytes: 10 ** 10 }]),
    ),
    health: { ...soundHealth, ...short.health },
    trouble: short.trouble === undefined ? undefined : { ...noTrouble, ...short.trouble },
    clock: short.clock,
    install: {
      origins: short.origins ?? [],
      applied: mapOf(short.applied, (digest) => digest),
      stale: new Set(short.stale ?? []),
      staleSince: mapOf(short.staleSince, (since) => since),
      generations: [],
      journalBytes: 0,
      guarded: short.guarded ?? false,
      interrupted:
        short.interrupted === undefined ? undefined : { kind: 'apply', end: 'cut', ...short.interrupted },
    },
  };
}

const mapOf = <From, To>(
  record: Readonly<Record<string, From>> | undefined,
  make: (value: From) => To,
): Map<string, To> => new Map(Object.entries(record ?? {}).map(([key, value]) => [key, make(value)]));
