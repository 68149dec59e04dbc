import { access } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import type { HostEntry, SshAddress } from '../profile/profile.ts';
import { addressInside, embeddedFolder, placesOf } from './embedded/places.ts';
import { SshResolver } from './ssh/resolve.ts';

export type AddressOf = (host: HostEntry) => Promise<SshAddress | 'local'>;

/** How the hosts of a profile are reached; for one command. An embedded host must have been made before. */
export function addressBook(signal: AbortSignal): AddressOf {
  const ssh = new SshResolver(signal);
  return async (host) => {
    switch (host.address.kind) {
      case 'ssh':
        return await ssh.resolve(host.address.ssh).catch((error: unknown) => {
          throw ofHost(host.name, error);
        });
      case 'local':
        return 'local';
      case 'embedded': {
        const { name, network } = host.address.embedded;
        return await embeddedAddress(host.name, name, network);
      }
    }
  };
}

function ofHost(name: string, error: unknown): unknown {
  if (!(error instanceof Fail)) return error;
  const { code, message, hint, context } = error;
  return new Fail(code, `${name}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    context,
    cause: error,
  });
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
    transport: 'ssh2',
  };
}
