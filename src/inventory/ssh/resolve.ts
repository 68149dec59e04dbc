import { userInfo } from 'node:os';
import { Fail } from '../../core/fail.ts';
import { parseHop } from '../../profile/jump-host.ts';
import type { SshAddress, SshEntry } from '../../profile/profile.ts';
import { AskSsh, type SshConfig } from './ask-ssh.ts';
import { type ConfigFiles, lookIntoConfigFiles } from './config-files.ts';
import { expandPath, type TokenValues } from './tokens.ts';

/** A chain of jump hosts that is longer than this leads in a circle. */
const longestChain = 8;

/**
 * Makes addresses of what a profile says: the profile first, then ssh_config of the person who runs berth, then
 * defaults. One of these serves a whole command, so that each file is read and each question asked once.
 */
export class SshResolver {
  readonly #ask: AskSsh;
  readonly #files = new Map<string | undefined, Promise<ConfigFiles>>();

  constructor(signal: AbortSignal) {
    this.#ask = new AskSsh(signal);
  }

  resolve(entry: SshEntry): Promise<SshAddress> {
    return this.#resolve(entry, 0);
  }

  async #resolve(entry: SshEntry, depth: number): Promise<SshAddress> {
    const { config, remarks } = await this.#configOf(entry);
    const address = merge(entry, config);
    const jump = await this.#jumpHosts(entry, config, depth);
    return {
      ...address,
      ...(jump.length === 0 ? {} : { jump }),
      ...(remarks.length === 0 ? {} : { remarks }),
    };
  }

  /** Only what differs from ssh's own defaults. */
  async #configOf(entry: SshEntry): Promise<{ config: SshConfig; remarks: readonly string[] }> {
    const nothing: SshConfig = new Map();
    if (entry.useConfig === false) return { config: nothing, remarks: [] };
    const { host, port, user, configFile: file } = entry;
    if (!(await this.#filesOf(file)).mayConcern(host)) return { config: nothing, remarks: [] };
    const [config, defaults] = await Promise.all([
      this.#ask.about({ host, port, user, file }),
      this.#ask.defaults(),
    ]);
    if (config === undefined || defaults === undefined)
      return {
        config: nothing,
        remarks: ['there is no ssh on this machine to read ssh_config with: the profile alone counts'],
      };
    const said = [...config].filter(([keyword, values]) => !same(values, defaults.get(keyword)));
    return { config: new Map(said), remarks: [] };
  }

  #filesOf(file: string | undefined): Promise<ConfigFiles> {
    const files = this.#files.get(file) ?? lookIntoConfigFiles(file);
    this.#files.set(file, files);
    return files;
  }

  /** As ssh does it: the way to the nearest jump host is that host's own affair, the others follow from the list. */
  async #jumpHosts(entry: SshEntry, config: SshConfig, depth: number): Promise<readonly SshAddress[]> {
    const hops = entry.jump ?? hopsOf(entry, config);
    if (hops.length + depth > longestChain)
      throw new Fail('BadUsage', `the way to ${entry.host} leads over more than ${longestChain} jump hosts`, {
        hint: 'Look for a circle in ssh.jump and in ProxyJump of ssh_config.',
      });
    const [nearest, ...others] = hops;
    if (nearest === undefined) return [];
    const first = await this.#resolve(nearest, depth + hops.length);
    const rest = await Promise.all(
      others.map((hop) => this.#resolve({ ...hop, jump: [] }, depth + hops.length)),
    );
    const { jump = [], ...itself } = first;
    return [...jump, itself, ...rest];
  }
}

const same = (values: readonly string[], others: readonly string[] | undefined): boolean =>
  values.length === others?.length && values.every((value, index) => value === others[index]);

const one = (config: SshConfig, keyword: string): string | undefined => config.get(keyword)?.[0];

/** A value that `none` takes back. */
const oneButNone = (config: SshConfig, keyword: string): string | undefined => {
  const value = one(config, keyword);
  return value === 'none' ? undefined : value;
};

function hopsOf(entry: SshEntry, config: SshConfig): SshEntry[] {
  const text = oneButNone(config, 'proxyjump');
  if (text === undefined) return [];
  return text.split(',').map((item) => {
    const hop = parseHop(item.trim());
    if (typeof hop === 'string')
      throw new Fail('BadUsage', `ProxyJump of ${entry.host} in ssh_config: ${item}: ${hop}`);
    return {
      port: undefined,
      user: undefined,
      ...hop,
      identityFiles: [],
      password: undefined,
      knownHostsFiles: [],
      ...(entry.configFile === undefined ? {} : { configFile: entry.configFile }),
    };
  });
}

function merge(entry: SshEntry, config: SshConfig): SshAddress {
  const host = one(config, 'hostname') ?? entry.host;
  const port = entry.port ?? Number(one(config, 'port') ?? 22);
  const user = entry.user ?? one(config, 'user') ?? userInfo().username;
  const hostKeyAlias = entry.hostKeyAlias ?? oneButNone(config, 'hostkeyalias');
  const paths = new Paths({ originalHost: entry.host, host, port, user, hostKeyAlias });
  const address = {
    host,
    port,
    user,
    password: entry.password,
    ...identities(entry, config, paths),
    knownHostsFiles: knownHosts(entry, config, paths),
    ...maybe('hostKeyAlias', hostKeyAlias),
    ...maybe('hostKeyAlgorithms', one(config, 'hostkeyalgorithms')?.split(',')),
    ...maybe('connectTimeoutSeconds', entry.connectTimeoutSeconds ?? seconds(config, 'connecttimeout')),
    ...maybe('aliveIntervalSeconds', seconds(config, 'serveraliveinterval')),
    ...maybe('aliveCountMax', seconds(config, 'serveralivecountmax')),
    ...maybe('transport', entry.transport),
    written: entry,
  };
  const beyondSsh2 = [...demands(entry, config), ...paths.unknown];
  return { ...address, ...(beyondSsh2.length === 0 ? {} : { beyondSsh2 }) };
}

const maybe = <Key extends string, Value>(key: Key, value: Value | undefined): { [_ in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { [_ in Key]?: Value });

function seconds(config: SshConfig, keyword: string): number | undefined {
  const value = oneButNone(config, keyword);
  return value === undefined || value === '0' ? undefined : Number(value);
}

/** Expands paths, and notes those that only ssh can expand. */
class Paths {
  readonly unknown: string[] = [];
  readonly #values: TokenValues;

  constructor(values: TokenValues) {
    this.#values = values;
  }

  expand(keyword: string, paths: readonly string[]): string[] {
    return paths.flatMap((path) => {
      const expanded = path === 'none' ? undefined : expandPath(path, this.#values);
      if (expanded === undefined && path !== 'none') this.unknown.push(`${keyword} ${path}`);
      return expanded ?? [];
    });
  }
}

function identities(entry: SshEntry, config: SshConfig, paths: Paths) {
  const named = entry.identityFiles.length > 0;
  const files = paths.expand('IdentityFile', config.get('identityfile') ?? []);
  const certificates =
    entry.certificateFiles ?? paths.expand('CertificateFile', config.get('certificatefile') ?? []);
  return {
    identityFiles: named ? entry.identityFiles : files,
    ...(named ? {} : { identitiesOnly: one(config, 'identitiesonly') === 'yes' }),
    ...agent(config, paths),
    ...(certificates.length === 0 ? {} : { certificateFiles: certificates }),
  };
}

/** IdentityAgent: a socket, `none`, `SSH_AUTH_SOCK`, or `$VARIABLE`. */
function agent(config: SshConfig, paths: Paths): { agent?: string } {
  const said = one(config, 'identityagent');
  if (said === undefined || said === 'SSH_AUTH_SOCK') return {};
  if (said === 'none') return { agent: 'none' };
  if (said.startsWith('$') && !said.startsWith('${')) return { agent: process.env[said.slice(1)] ?? 'none' };
  const [socket] = paths.expand('IdentityAgent', [said]);
  return socket === undefined ? {} : { agent: socket };
}

function knownHosts(entry: SshEntry, config: SshConfig, paths: Paths): readonly string[] {
  if (entry.knownHostsFiles.length > 0) return entry.knownHostsFiles;
  const users = config.get('userknownhostsfile');
  const globals = config.get('globalknownhostsfile');
  if (users === undefined && globals === undefined) return [];
  const files = [...(users ?? ['~/.ssh/known_hosts']), ...(globals ?? ['/etc/ssh/ssh_known_hosts'])].flatMap(
    (value) => value.split(' '),
  );
  return paths.expand('UserKnownHostsFile', files);
}

/** What ssh2 has no way to do. */
function demands(entry: SshEntry, config: SshConfig): string[] {
  const list: string[] = [];
  // The profile's own way wins over one of ssh_config.
  if (entry.jump === undefined && oneButNone(config, 'proxycommand') !== undefined) list.push('ProxyCommand');
  if (onlyGssapi(config)) list.push('GSSAPIAuthentication as the only way to log in');
  for (const [keyword, name] of [
    ['revokedhostkeys', 'RevokedHostKeys'],
    ['knownhostscommand', 'KnownHostsCommand'],
    ['pkcs11provider', 'PKCS11Provider'],
    ['securitykeyprovider', 'SecurityKeyProvider'],
    ['bindaddress', 'BindAddress'],
    ['bindinterface', 'BindInterface'],
    ['addressfamily', 'AddressFamily'],
  ] as const)
    if (oneButNone(config, keyword) !== undefined) list.push(name);
  return list;
}

function onlyGssapi(config: SshConfig): boolean {
  if (one(config, 'gssapiauthentication') !== 'yes') return false;
  const preferred = one(config, 'preferredauthentications')?.split(',');
  if (preferred !== undefined) return preferred.every((method) => method.startsWith('gssapi'));
  const off = (keyword: string) => ['no', 'false'].includes(one(config, keyword) ?? 'yes');
  return off('pubkeyauthentication') && off('passwordauthentication') && off('kbdinteractiveauthentication');
}
