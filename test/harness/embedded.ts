import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { commandOutput, type Ended, runCommand } from '../../src/core/command.ts';
import { Fail } from '../../src/core/fail.ts';
import { baseFolder } from '../../src/inventory/embedded/base.ts';
import { prepareBase, removeHost, startHost } from '../../src/inventory/embedded/host.ts';
import { lockFolder } from '../../src/inventory/embedded/lock.ts';
import { readMachine } from '../../src/inventory/embedded/machine.ts';
import { placesOf } from '../../src/inventory/embedded/places.ts';
import { sshCommand } from '../../src/inventory/embedded/reach-host.ts';
import type { EmbeddedAddress, SshAddress } from '../../src/profile/profile.ts';
import { type Distribution, layersOf } from './distributions.ts';

const checkout = resolve(import.meta.dirname, '../..');

/** Holds the root file system, which stays from run to run, and the hosts of tests while they run. */
export const embeddedTestFolder = join(checkout, '.berth', 'embedded');

const never = new AbortController().signal;
export const testOptions = { folder: embeddedTestFolder, signal: never };

/** An embedded host that is up; it goes at the end of the test, whatever became of it. */
export interface EmbeddedHost {
  readonly address: EmbeddedAddress;
  /** How the installer reaches it. */
  readonly ssh: SshAddress;
  /** Runs a script with sh as root in the host. */
  run(script: string): Promise<Ended>;
  /** The same; throws when it fails. */
  output(script: string): Promise<string>;
}

/** A name and a network that no other test is likely to use at the same time, between 10.208.0.0 and 10.247.255.0. */
export const uniqueAddress = (): EmbeddedAddress => ({
  name: `t${randomBytes(3).toString('hex')}`,
  network: `10.${randomInt(208, 248)}.${randomInt(0, 256)}`,
});

/** Boots a host for this test, a Debian one unless another distribution is named. Several may run side by side. */
export const embeddedHost = async (
  t: { after(release: () => Promise<void>): void },
  { base = 'debian' }: { readonly base?: Distribution } = {},
): Promise<EmbeddedHost> => {
  const layers = await embeddedLayers(base);
  const address = uniqueAddress();
  t.after(() => removeHost(address.name, testOptions));
  await startHost(address, { ...testOptions, layers });
  return hostAt(address);
};

/** What is laid over the common root file system to make it another distribution; made where it is missing. */
export const embeddedLayers = async (distribution: Distribution): Promise<readonly string[]> => {
  await embeddedBase();
  const root = baseFolder(embeddedTestFolder, await readMachine());
  return alone(() => layersOf(distribution, root, join(embeddedTestFolder, 'layers')));
};

export const hostAt = (address: EmbeddedAddress): EmbeddedHost => {
  const places = placesOf(embeddedTestFolder, address.name);
  const ssh = [...sshCommand(address, embeddedTestFolder), 'sh -s'];
  const options = (input: string) => ({ signal: never, input, deadlineSeconds: 300 });
  return {
    address,
    ssh: {
      host: `${address.network}.2`,
      port: 22,
      user: 'root',
      identityFiles: [places.identity],
      password: undefined,
      knownHostsFiles: [places.knownHosts],
    },
    run: (script) => runCommand(ssh, options(script)),
    output: (script) => commandOutput(ssh, options(script)),
  };
};

/** The root file system under all hosts: made by the first test that needs it, while the others wait. */
export const embeddedBase = (): Promise<void> => alone(() => prepareBase(testOptions));

/** One test file at a time: what the first one makes, the others find. */
const alone = async <T>(work: () => Promise<T>): Promise<T> => {
  mkdirSync(embeddedTestFolder, { recursive: true });
  for (;;) {
    try {
      await using _ = await lockFolder(embeddedTestFolder);
      return await work();
    } catch (error) {
      if (!(error instanceof Fail) || error.code !== 'Locked') throw error;
      await pause(200);
    }
  }
};

/** Everything on this machine that bears the host's name or lies in its folder; empty when it is gone. */
export const tracesOf = async (name: string): Promise<string[]> => {
  const { folder, title } = placesOf(embeddedTestFolder, name);
  const ours = new RegExp(`(${title}|bv-${name})(?![a-z0-9])|${folder}(?![a-z0-9])`);
  const found: string[] = [];
  const links = await commandOutput(['ip', '-oneline', 'link'], { signal: never });
  found.push(...links.split('\n').filter((line) => ours.test(line)));
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  found.push(...mounts.split('\n').filter((line) => ours.test(line)));
  const cgroups = await commandOutput(['find', '/sys/fs/cgroup', '-name', `${title}*`], { signal: never });
  found.push(...cgroups.split('\n').filter((line) => ours.test(line)));
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (ours.test(argv)) found.push(`${pid} ${argv.replaceAll('\0', ' ')}`);
  }
  const hosts = await readdir(join(embeddedTestFolder, 'hosts')).catch(() => []);
  found.push(...hosts.filter((entry) => entry.startsWith(name)));
  return found;
};

/** What an installer could change about this machine, and no other test changes meanwhile. */
export const machineState = async (): Promise<Record<string, string>> => {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => 'absent');
  return {
    packages: await output('dpkg-query', '--show', '--showformat=${binary:Package} ${db:Status-Status}\n'),
    overcommit: await read('/proc/sys/vm/overcommit_memory'),
    inotify: await read('/proc/sys/fs/inotify/max_user_instances'),
    timeToLive: await read('/proc/sys/net/ipv4/ip_default_ttl'),
  };
};

const output = async (...argv: string[]): Promise<string> =>
  (await runCommand(argv, { signal: never })).stdout;
