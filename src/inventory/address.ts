import { access } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import type { HostEntry, SshAddress } from '../profile/profile.ts';
import { addressInside, embeddedFolder, placesOf } from './embedded/places.ts';
import { applicationDefault } from './gce/credentials.ts';
import { GceMachine } from './gce/machine.ts';
import { SshResolver } from './ssh/resolve.ts';
import { reachMachine } from './vagrant/reach-machine.ts';

export type AddressOf = (host: HostEntry) => Promise<SshAddress | 'local'>;

/**
 * How the hosts of a profile are reached; for one command. An embedded host must have been made before. Vagrant and Google
 * are asked once for each host: a new connection in the middle of an apply must not wait for them.
 */
export function addressBook(signal: AbortSignal): AddressOf {
  const ssh = new SshResolver(signal);
  const tokenOf = applicationDefault(signal);
  const asked = new Map<string, Promise<SshAddress>>();
  const once = (host: HostEntry, ask: () => Promise<SshAddress>): Promise<SshAddress> => {
    const known = asked.get(host.name) ?? ask();
    asked.set(host.name, known);
    known.catch(() => asked.delete(host.name));
    return known;
  };
  return async (host) => {
    switch (host.address.kind) {
      case 'vagrant': {
        const { vagrant } = host.address;
        return await once(host, async () => {
          const { ssh: entry, remarks } = await reachMachine(host.name, vagrant, signal);
          return { ...(await ssh.resolve(entry)), remarks };
        });
      }
      case 'gce': {
        const machine = new GceMachine(host.name, host.address.gce, tokenOf, signal);
        return await once(host, async () => ssh.resolve(await machine.reach()));
      }
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
