import { homedir } from 'node:os';
import { join } from 'node:path';
import { readIfThere } from '../../core/read-if-there.ts';
import type { SshAddress } from '../../profile/profile.ts';
import { expandHome } from './identities.ts';
import { findKnownKeys, type KnownKey, knownHostsName } from './known-hosts.ts';

export const knownHostsFiles = (ssh: SshAddress): readonly string[] =>
  ssh.knownHostsFiles.length > 0
    ? ssh.knownHostsFiles.map(expandHome)
    : [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];

/** The name under which known_hosts has the host: HostKeyAlias stands for host and port (ssh_config(5)). */
export const nameInKnownHosts = ({ host, port, hostKeyAlias }: SshAddress): string =>
  hostKeyAlias?.toLowerCase() ?? knownHostsName(host, port);

/** What the known_hosts files of a host say of it. */
export async function readKnownKeys(ssh: SshAddress): Promise<KnownKey[]> {
  const keys: KnownKey[] = [];
  for (const file of knownHostsFiles(ssh)) {
    const text = await readIfThere(file);
    if (text !== undefined) keys.push(...findKnownKeys(file, text.toString('utf8'), nameInKnownHosts(ssh)));
  }
  return keys;
}
