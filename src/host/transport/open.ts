import type { Emit } from '../../core/events.ts';
import type { HostAccess, SshAddress } from '../../profile/profile.ts';
import type { Connection } from './connection.ts';
import type { ReadSecret } from './identities.ts';
import { connectLocal } from './local.ts';
import type { Become } from './root-shell.ts';
import { connectSsh } from './ssh.ts';

export type { ReadSecret } from './identities.ts';

export interface OpenOptions {
  readonly signal: AbortSignal;
  /** Asked only when a secret is needed: for a passphrase, a password, sudo. */
  readonly readSecret: ReadSecret;
  readonly emit: Emit;
}

/**
 * Opens the one connection to a host. Emits the `connect` phase. Throws Fail `Unreachable`,
 * `HostKeyUnknown`, `HostKeyChanged`, `AuthenticationFailed`, `DeadlineExceeded` or `Cancelled`;
 * that sudo works is known (Fail `NoSudo`) when the first command runs, which saves a round trip here.
 */
export async function openConnection(
  host: HostAccess,
  ssh: SshAddress | 'local',
  { signal, readSecret, emit }: OpenOptions,
): Promise<Connection> {
  const started = performance.now();
  emit({ kind: 'phase-started', host: host.name, phase: 'connect' });
  let failed = true;
  try {
    const become = becomeRoot(host, readSecret);
    const connection =
      ssh === 'local'
        ? connectLocal(host.name, become)
        : await connectSsh({ hostName: host.name, ssh, readSecret, become, signal });
    failed = false;
    return connection;
  } finally {
    const milliseconds = performance.now() - started;
    emit({ kind: 'phase-ended', host: host.name, phase: 'connect', milliseconds, failed });
  }
}

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
