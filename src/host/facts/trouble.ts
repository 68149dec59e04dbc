import { decode, fieldOf, type Lines, linesOf } from './lines.ts';

/** What the doctor asks beside everything else; trouble.sh says how. */
export interface TroubleFacts {
  /** Process that holds a lock of the package manager. */
  readonly packageLockHolder: string | undefined;
  /** What the package manager says of its own state; empty: it is whole. */
  readonly packageAudit: string;
  /** Packages that own paths that berth writes, by path. */
  readonly owners: ReadonlyMap<string, string>;
  /** Programs and libraries that are not as the packages that berth asks about brought them, by package. */
  readonly altered: ReadonlyMap<string, readonly AlteredFile[]>;
  /** Who holds berth's own lock. */
  readonly berthLockHolder: string | undefined;
  /** Messages of SELinux and AppArmor about what they refused since the boot. */
  readonly denials: readonly string[];
  /** Settings of sysctl.d(5) in files, in no order. */
  readonly sysctlSettings: readonly FileSetting[];
  /** Modules that files of modules-load.d(5) name. */
  readonly bootModules: ReadonlySet<string>;
  /** Rules of the chain FORWARD, by program; as `-S` prints them. */
  readonly forward: ReadonlyMap<'iptables' | 'ip6tables', readonly string[]>;
  /** Base chains of nftables. */
  readonly baseChains: readonly BaseChain[];
  /** Ranges that firewalld trusts at this moment; undefined: it is not there or does not answer. */
  readonly trustedSources: readonly string[] | undefined;
  readonly inodes: ReadonlyMap<string, { readonly total: number; readonly free: number }>;
  readonly failedUnits: readonly string[];
  readonly clockSynchronized: boolean | undefined;
  readonly nameservers: readonly string[];
  readonly hostname: { readonly name: string; readonly resolves: boolean } | undefined;
  /** What the host's kubelet says of its version. */
  readonly kubelet: string | undefined;
  /** Programs that listen on the CRI socket, with their pids. */
  readonly listeners: readonly { readonly program: string; readonly pid: number }[];
}

export interface AlteredFile {
  readonly path: string;
  /** Otherwise it has other contents. */
  readonly missing: boolean;
}

export interface FileSetting {
  readonly file: string;
  /** With dots, as sysctl(8) prints it. */
  readonly key: string;
  readonly value: string;
}

export interface BaseChain {
  /** Family and name of the table, e.g. `inet filter`. */
  readonly table: string;
  readonly chain: string;
  readonly hook: string;
  readonly policy: string;
}

export const parseTrouble = (lines: Lines): TroubleFacts => ({
  packageLockHolder: textOf(lines, 'packagelock'),
  packageAudit: textOf(lines, 'audit') ?? '',
  owners: new Map(linesOf(lines, 'owner').map(([path = '', name = '']) => [path, name])),
  altered: parseAltered(linesOf(lines, 'altered')),
  berthLockHolder: textOf(lines, 'berthlock'),
  denials: textLines(lines, 'denials'),
  sysctlSettings: textLines(lines, 'sysctls').flatMap(parseSetting),
  bootModules: new Set(
    textLines(lines, 'boot-modules').map((line) => line.slice(line.indexOf(':') + 1).trim()),
  ),
  forward: new Map(
    linesOf(lines, 'forward').flatMap(([program, rules]) =>
      program === 'iptables' || program === 'ip6tables' ? [[program, linesIn(decode(rules))] as const] : [],
    ),
  ),
  baseChains: parseBaseChains(textLines(lines, 'nft')),
  trustedSources: linesOf(lines, 'trusted').map(([sources = '']) => sources.split(' ').filter(Boolean))[0],
  inodes: new Map(
    linesOf(lines, 'inodes').map(([mountPoint = '', total, free]) => [
      mountPoint,
      { total: Number(total), free: Number(free) },
    ]),
  ),
  failedUnits: linesOf(lines, 'failed').map(([unit = '']) => unit),
  clockSynchronized: parseYesNo(fieldOf(lines, 'synchronized')),
  nameservers: textLines(lines, 'resolv').flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? []),
  hostname: linesOf(lines, 'hostname').map(([name = '', answer]) => ({
    name,
    resolves: answer === 'yes',
  }))[0],
  kubelet: linesOf(lines, 'kubelet')[0]?.[0],
  listeners: [...(textOf(lines, 'listener') ?? '').matchAll(/\("([^"]+)",pid=(\d+)/g)].map(
    ([, program = '', pid]) => ({ program, pid: Number(pid) }),
  ),
});

const linesIn = (bytes: Buffer): string[] => bytes.toString('utf8').split('\n').filter(Boolean);

const textLines = (lines: Lines, kind: string): string[] => linesIn(decode(fieldOf(lines, kind)));

const textOf = (lines: Lines, kind: string): string | undefined =>
  linesOf(lines, kind).map(([text]) => decode(text).toString('utf8').trim())[0];

const parseYesNo = (text: string): boolean | undefined => {
  if (text === 'yes') return true;
  return text === 'no' ? false : undefined;
};

function parseAltered(lines: Lines): Map<string, AlteredFile[]> {
  const altered = new Map<string, AlteredFile[]>();
  for (const [name = '', how, path = ''] of lines)
    altered.set(name, [...(altered.get(name) ?? []), { path, missing: how === 'missing' }]);
  return altered;
}

/** `/etc/sysctl.d/x.conf:net.ipv4.ip_forward = 1`; a leading minus says that failures do not matter. */
function parseSetting(line: string): FileSetting[] {
  const [, file = '', key = '', value = ''] = /^([^:]+):\s*-?([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
  if (key === '') return [];
  const slashed = /[./]/.exec(key)?.[0] === '/';
  const dotted = slashed ? key.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/')) : key;
  return [{ file, key: dotted, value: value.trim().replace(/\s+/g, ' ') }];
}

/** The lines of `nft list chains` that name a table, a chain, and what hooks it into the kernel. */
function parseBaseChains(lines: readonly string[]): BaseChain[] {
  const chains: BaseChain[] = [];
  let table = '';
  let chain = '';
  for (const line of lines) {
    table = /^table (\S+ \S+)/.exec(line)?.[1] ?? table;
    chain = /^\s+chain (\S+)/.exec(line)?.[1] ?? chain;
    const [, hook, policy] = /hook (\w+) .*policy (\w+)/.exec(line) ?? [];
    if (hook !== undefined && policy !== undefined) chains.push({ table, chain, hook, policy });
  }
  return chains;
}
