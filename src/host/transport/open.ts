import type { Emit } from '../../core/events.ts';
import { Fail } from '../../core/fail.ts';
import type { HostAccess, SshAddress } from '../../profile/profile.ts';
import { chooseTransport } from './choose-transport.ts';
import type { Connection } from './connection.ts';
import { Keyring, type ReadSecret } from './identities.ts';
import { JumpHosts } from './jump-hosts.ts';
import { connectLocal } from './local.ts';
import type { Become } from './root-shell.ts';
import { connectSsh } from './ssh.ts';

export type { ReadSecret } from './identities.ts';

export interface OpenOptions {
  readonly signal: AbortSignal;
  /** Asked only when a secret is needed: for a passphrase, a password, sudo. */
  readonly readSecret: ReadSecret;
  readonly emit: Emit;
  /** What the connections of one command share; without it this one shares with nobody. */
  readonly sharing?: Sharing;
}

/** Keys that are read and unlocked once, and jump hosts that are logged in to once. */
export interface Sharing extends AsyncDisposable {
  readonly keyring: Keyring;
  readonly jumpHosts: JumpHosts;
}

export function shareAmongConnections(): Sharing {
  const jumpHosts = new JumpHosts();
  return { keyring: new Keyring(), jumpHosts, [Symbol.asyncDispose]: () => jumpHosts.close() };
}

/**
 * Opens the one connection to a host. Emits the `connect` phase. Throws Fail `Unreachable`,
 * `HostKeyUnknown`, `HostKeyChanged`, `AuthenticationFailed`, `Unsupported`, `DeadlineExceeded` or `Cancelled`;
 * that sudo works is known (Fail `NoSudo`) when the first command runs, which saves a round trip here.
 */
export async function openConnection(
  host: HostAccess,
  ssh: SshAddress | 'local',
  options: OpenOptions,
): Promise<Connection> {
  const { emit } = options;
  const started = performance.now();
  emit({ kind: 'phase-started', host: host.name, phase: 'connect' });
  let failed = true;
  try {
    const become = becomeRoot(host, options.readSecret);
    const connection =
      ssh === 'local' ? connectLocal(host.name, become) : await overSsh(host, ssh, become, options);
    failed = false;
    return connection;
  } finally {
    const milliseconds = performance.now() - started;
    emit({ kind: 'phase-ended', host: host.name, phase: 'connect', milliseconds, failed });
  }
}

async function overSsh(
  { name }: HostAccess,
  ssh: SshAddress,
  become: Become,
  { signal, readSecret, emit, sharing: shared }: OpenOptions,
): Promise<Connection> {
  for (const message of ssh.remarks ?? []) emit({ kind: 'note', level: 'warn', host: name, message });
  const sharing = shared ?? shareAmongConnections();
  const to = { label: name, host: name, ssh, readSecret, signal, emit, ...sharing };
  const release = async () => {
    if (shared === undefined) await sharing[Symbol.asyncDispose]();
  };
  try {
    const { transport, because } = await chooseTransport(name, ssh);
    const why = because.length === 0 ? '' : `, for ${because.join(', ')}`;
    if (transport === 'openssh')
      emit({ kind: 'note', level: 'debug', host: name, message: `going through OpenSSH${why}` });
    if (transport === 'ssh2') return await connectSsh(to, become, release);
    const { connectOpenSsh } = await import('./openssh/connect.ts');
    return await connectOpenSsh(to, become, because);
  } catch (error) {
    await release();
    throw asFailOf(name, error);
  }
}

/** What other libraries throw here is about this host. */
const asFailOf = (name: string, error: unknown): unknown =>
  error instanceof Fail || !(error instanceof Error)
    ? error
    : new Fail('Internal', `${name}: ${error.message}`, { cause: error });

/** The password is read once per connection, and only if it comes to that. */
function becomeRoot(host: HostAccess, readSecret: ReadSecret): Become {
  const { sudoPassword } = host;
  if (sudoPassword === undefined) return { sudo: host.sudo, password: undefined, proven: false };
  let known: Promise<string> | undefined;
  const password = () => {
    known ??= readSecret(sudoPassword, `sudo password of ${host.name}`);
    return known;
  };
  return { sudo: host.sudo, password, proven: false };
}
