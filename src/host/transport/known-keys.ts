import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readIfThere } from '../../core/read-if-there.ts';
import type { SshAddress } from '../../profile/profile.ts';
import { expandHome } from './identities.ts';
import { KnownHosts, type KnownKey, knownHostsName } from './known-hosts.ts';

export const knownHostsFiles = (ssh: SshAddress): readonly string[] =>
  ssh.knownHostsFiles.length > 0
    ? ssh.knownHostsFiles.map(expandHome)
    : [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];

/** Where a key that a person accepts belongs: the first file that keeps it. */
export const fileForNewKey = (ssh: SshAddress): string =>
  knownHostsFiles(ssh).find((file) => file !== '/dev/null') ?? '';

/** The name under which known_hosts has the host: HostKeyAlias stands for host and port (ssh_config(5)). */
export const nameInKnownHosts = ({ host, port, hostKeyAlias }: SshAddress): string =>
  hostKeyAlias?.toLowerCase() ?? knownHostsName(host, port);

/** Files as they were read, with what tells that they changed since. */
const read = new Map<string, { readonly version: string; readonly hosts: KnownHosts }>();

async function readKnownHosts(file: string): Promise<KnownHosts | undefined> {
  const status = await stat(file).catch(() => undefined);
  const version = status && [status.ino, status.size, status.mtimeMs].join(' ');
  const known = read.get(file);
  if (known !== undefined && known.version === version) return known.hosts;
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const hosts = new KnownHosts(file, text.toString('utf8'));
  if (version !== undefined) read.set(file, { version, hosts });
  return hosts;
}

/** What the known_hosts files of a host say of it. */
export async function readKnownKeys(ssh: SshAddress): Promise<KnownKey[]> {
  const keys: KnownKey[] = [];
  for (const file of knownHostsFiles(ssh))
    keys.push(...((await readKnownHosts(file))?.find(nameInKnownHosts(ssh)) ?? []));
  return keys;
}
