import { decode, fieldOf, type Lines, linesOf } from './lines.ts';

export interface SystemFacts {
  readonly os: OsRelease;
  /** As `uname -m` says it. */
  readonly machine: string;
  /** Undefined: a machine that berth has no programs for. */
  readonly arch: 'x64' | 'arm64' | undefined;
  readonly kernel: string;
  readonly cgroup: 'v2' | 'v1' | 'hybrid';
  /** Version of systemd, when it is what runs as PID 1. */
  readonly systemd: number | undefined;
  /** Kind of container that the host itself is, e.g. `systemd-nspawn`; empty on machines. */
  readonly container: string;
  /** Of /usr and /usr/local, those that cannot be written to. */
  readonly readOnly: ReadonlySet<string>;
  /** An image-based host: `layered` when rpm-ostree can add packages to it. Undefined: an ordinary one. */
  readonly image: 'layered' | 'fixed' | undefined;
  readonly memoryBytes: { readonly total: number; readonly available: number };
  /** machine-id(5), and the firmware's own number where the host may read it: no other host has the same. */
  readonly identity: string;
  /** Programs that apply needs and the host lacks. */
  readonly missingTools: readonly string[];
  /** What large files are sent as: zstd(1) unpacks in a quarter of the time, where it is there. */
  readonly unpacks: 'gzip' | 'zstd';
}

export interface OsRelease {
  readonly id: string;
  readonly idLike: readonly string[];
  readonly versionId: string;
  readonly prettyName: string;
}

export const parseSystem = (lines: Lines): SystemFacts => ({
  os: parseOsRelease(decode(fieldOf(lines, 'os')).toString('utf8')),
  machine: fieldOf(lines, 'machine'),
  arch: architecture(fieldOf(lines, 'machine')),
  kernel: fieldOf(lines, 'kernel'),
  cgroup: parseCgroup(fieldOf(lines, 'cgroup')),
  systemd: Number.parseInt(fieldOf(lines, 'systemd'), 10) || undefined,
  container: fieldOf(lines, 'container'),
  readOnly: new Set(linesOf(lines, 'read-only').map(([folder = '']) => folder)),
  image: parseImage(fieldOf(lines, 'image')),
  memoryBytes: {
    total: Number(fieldOf(lines, 'total')) * 1024,
    available: Number(fieldOf(lines, 'available')) * 1024,
  },
  identity: linesOf(lines, 'identity')
    .map(([id = '']) => id)
    .join(' '),
  missingTools: linesOf(lines, 'missing').map(([tool = '']) => tool),
  unpacks: fieldOf(lines, 'unpacks') === 'zstd' ? 'zstd' : 'gzip',
});

/** os-release(5): shell-like assignments, values possibly quoted. */
export function parseOsRelease(text: string): OsRelease {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2] !== undefined) values.set(match[1], unquote(match[2]));
  }
  return {
    id: values.get('ID') ?? 'linux',
    idLike: (values.get('ID_LIKE') ?? '').split(' ').filter(Boolean),
    versionId: values.get('VERSION_ID') ?? '',
    prettyName: values.get('PRETTY_NAME') ?? values.get('ID') ?? 'unknown',
  };
}

const unquote = (value: string): string => {
  const inner = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
  return inner.replace(/\\(["'$`\\])/g, '$1');
};

function architecture(machine: string): SystemFacts['arch'] {
  if (machine === 'x86_64') return 'x64';
  return machine === 'aarch64' || machine === 'arm64' ? 'arm64' : undefined;
}

const parseImage = (value: string): SystemFacts['image'] =>
  value === 'layered' || value === 'fixed' ? value : undefined;

const parseCgroup = (value: string): SystemFacts['cgroup'] =>
  value === 'v2' || value === 'hybrid' ? value : 'v1';
