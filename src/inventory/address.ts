import { access } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import type { HostEntry, SshAddress } from '../profile/profile.ts';
import { addressInside, embeddedFolder, placesOf } from './embedded/places.ts';

/** How a host of the profile is reached. An embedded host must have been made before. */
export async function addressOf(host: HostEntry): Promise<SshAddress | 'local'> {
  switch (host.address.kind) {
    case 'ssh':
      return host.address.ssh;
    case 'local':
      return 'local';
    case 'embedded': {
      const { name, network } = host.address.embedded;
      return embeddedAddress(host.name, name, network);
    }
  }
}

async function embeddedAddress(host: string, name: string, network: string): Promise<SshAddress> {
  const places = placesOf(embeddedFolder(), name);
  try {
    await access(places.identity);
  } catch (cause) {
    throw new Fail('Unreachable', `${host}: there is no embedded host ${name} on this machine`, {
      hint: "run 'npm run quickstart' as root, which makes it",
      context: { folder: places.folder },
      cause,
    });
  }
  return {
    host: addressInside(network),
    port: 22,
    user: 'root',
    identityFiles: [places.identity],
    password: undefined,
    knownHostsFiles: [places.knownHosts],
  };
}
