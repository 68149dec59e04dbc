import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { commandOutput } from '../../src/core/command.ts';
import { cgroupsOf, processesIn } from '../../src/inventory/embedded/cgroups.ts';
import { readMachine } from '../../src/inventory/embedded/machine.ts';
import { placesOf } from '../../src/inventory/embedded/places.ts';
import { type EmbeddedHost, embeddedTestFolder } from './embedded.ts';

const link = 'wire0';
const signal = new AbortController().signal;

/** What another host has its pods' addresses from. */
interface End {
  readonly host: EmbeddedHost;
  readonly pods: string;
}

/**
 * A network that two hosts share, beside the one that each has with this machine: a wire, and on both ends the routes to the
 * other host and to its pods. It goes with the hosts. This machine itself forwards nothing for it.
 */
export const wireBetween = async (one: End, other: End): Promise<void> => {
  const [here, there] = [await processIn(one.host), await processIn(other.host)];
  await commandOutput(
    ['nsenter', `--net=/proc/${here}/ns/net`, 'ip', 'link', 'add', link].concat([
      'type',
      'veth',
      'peer',
      'name',
      link,
      'netns',
      `${there}`,
    ]),
    { signal },
  );
  for (const [near, far] of [
    [one, other],
    [other, one],
  ] as const)
    await near.host.output(`ip link set ${link} up
      ip route add ${addressOf(far)} dev ${link} src ${addressOf(near)}
      ip route add ${far.pods} via ${addressOf(far)} dev ${link} onlink`);
};

const addressOf = ({ host }: End): string => `${host.address.network}.2`;

/** A process of the host, by its number on this machine: it leads to the host's network namespace. */
const processIn = async ({ address }: EmbeddedHost): Promise<number> => {
  const { title } = placesOf(embeddedTestFolder, address.name);
  const own = await readlink('/proc/self/ns/net');
  const guests = cgroupsOf(title, await readMachine()).map((cgroup) => join(cgroup, 'guest'));
  for (const pid of await processesIn(guests)) {
    const namespace = await readlink(`/proc/${pid}/ns/net`).catch(() => own);
    if (namespace !== own) return pid;
  }
  throw new Error(`the host ${address.name} has no process of its own`);
};
