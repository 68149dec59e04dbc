import { isIPv6 } from 'node:net';
import type { SshAddress, SshEntry } from '../../../profile/profile.ts';
import { connectDeadlineMs } from '../login.ts';

/** Noticed as by ssh2: after three unanswered questions. */
const keepalive = { intervalSeconds: 10, unanswered: 3 };

export interface OpenSshConfig {
  /** What the hosts of the way are called there, in order; the last one is the destination. */
  readonly names: readonly string[];
  /** The text of its configuration file. */
  readonly text: string;
}

/**
 * What the profile says, as ssh_config(5): it stands before the person's own files, and the first value counts.
 * `include`: those files, which ssh reads itself, with all that berth does not know.
 */
export function openSshConfig(ssh: SshAddress, include: readonly string[]): OpenSshConfig {
  const way = [...(ssh.jump ?? []), ssh];
  // Two hosts of one way may be the same machine at different ports: a block for each needs a name for each.
  const names = way.map((address, index) => {
    const name = writtenName(address);
    return way.filter((other) => writtenName(other) === name).length === 1 ? name : `berth-way-${index}`;
  });
  // Where ssh_config alone knows the jump hosts, ssh finds them.
  const ours = ssh.written === undefined || ssh.written.jump !== undefined;
  const blocks = way.map((address, index) => {
    const before = names.slice(0, index);
    const isLast = index === way.length - 1;
    if (!isLast && !ours) return '';
    const jump = ours ? before : undefined;
    return block(names[index] ?? '', address, isLast ? jump : index === 0 ? undefined : []);
  });
  const text = [
    ignoreUnknown,
    ...blocks,
    always(ssh),
    ...include.map((file) => `Include ${quoted(file)}`),
    '',
  ].join('\n');
  return { names, text };
}

const writtenName = (address: SshAddress): string => address.written?.host ?? address.host;

/** `jump`: undefined leaves it to ssh_config, an empty list forbids jump hosts. */
function block(name: string, address: SshAddress, jump: readonly string[] | undefined): string {
  const said = saidOf(address);
  const inKnownHosts = said.knownHostsFiles;
  return [
    `Host ${name}`,
    ...(name === said.host ? [] : [`HostName ${address.host}`]),
    ...line('Port', said.port),
    ...line('User', said.user),
    ...line('HostKeyAlias', said.hostKeyAlias),
    ...said.identityFiles.map((file) => `IdentityFile ${path(file)}`),
    ...(said.identityFiles.length > 0 ? ['IdentitiesOnly yes'] : []),
    ...(said.certificateFiles ?? []).map((file) => `CertificateFile ${path(file)}`),
    // As with ssh2: a password that the profile does not have is not asked for.
    ...(said.password === undefined ? ['PasswordAuthentication no'] : []),
    ...(inKnownHosts.length > 0
      ? [
          `UserKnownHostsFile ${inKnownHosts.map(path).join(' ')}`,
          'GlobalKnownHostsFile /dev/null',
          'KnownHostsCommand none',
        ]
      : []),
    ...(jump === undefined
      ? []
      : [`ProxyJump ${jump.length === 0 ? 'none' : jump.map(inBrackets).join(',')}`]),
  ].join('\n  ');
}

/** An address that comes from nowhere else is said as a whole. */
const saidOf = (address: SshAddress): SshEntry =>
  address.written ?? { ...address, jump: [], transport: 'openssh' };

/** For every host of the way: what must not depend on whose configuration it is. */
function always(ssh: SshAddress): string {
  return [
    'Match all',
    'StrictHostKeyChecking yes',
    // What else would let in a host whose key no file has.
    'NoHostAuthenticationForLocalhost no',
    'VerifyHostKeyDNS no',
    'UpdateHostKeys no',
    'CheckHostIP no',
    // A connection that a person shares was made under other rules, and one that is made to be shared outlives us.
    'ControlMaster no',
    'ControlPath none',
    'ControlPersist no',
    'NumberOfPasswordPrompts 1',
    `ConnectTimeout ${Math.ceil(connectDeadlineMs(ssh) / 1000)}`,
    `ServerAliveInterval ${ssh.aliveIntervalSeconds ?? keepalive.intervalSeconds}`,
    `ServerAliveCountMax ${ssh.aliveCountMax ?? keepalive.unanswered}`,
    'ForwardAgent no',
    'ForwardX11 no',
    'RequestTTY no',
    'RemoteCommand none',
    'EscapeChar none',
    'ForkAfterAuthentication no',
    'StdinNull no',
    'VisualHostKey no',
    'LogLevel INFO',
  ].join('\n  ');
}

/** Keywords that came after OpenSSH 7: an older ssh must pass over them. */
const ignoreUnknown = 'IgnoreUnknown ForkAfterAuthentication,StdinNull,KnownHostsCommand';

const line = (keyword: string, value: string | number | undefined): string[] =>
  value === undefined ? [] : [`${keyword} ${value}`];

const quoted = (text: string): string => `"${text}"`;

/** A `%` begins a token in a path. */
const path = (text: string): string => quoted(text.replaceAll('%', '%%'));

const inBrackets = (name: string): string => (isIPv6(name) ? `[${name}]` : name);
