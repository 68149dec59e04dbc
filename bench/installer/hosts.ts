import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { removeHost, startHost, stopHost } from '../../src/inventory/embedded/host.ts';
import { placesOf } from '../../src/inventory/embedded/places.ts';
import { sshCommand } from '../../src/inventory/embedded/reach-host.ts';
import {
  type EmbeddedHost,
  embeddedBase,
  embeddedTestFolder,
  hostAt,
  testOptions,
  uniqueAddress,
} from '../../test/harness/embedded.ts';

interface Lifetime {
  after(release: () => Promise<void>): void;
}

/** Ansible's modules need a Python on the host; the rest is the role's packages, which are there before. */
const install = (packages: readonly string[]): string =>
  'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends ' +
  `python3 python3-apt ${packages.join(' ')} > /dev/null`;

/** Hosts that differ in nothing: the packages are installed once, in a layer under all of them. */
export const bootHosts = async (
  lifetime: Lifetime,
  count: number,
  packages: readonly string[],
  folder: string,
): Promise<EmbeddedHost[]> => {
  await embeddedBase();
  const layer = join(folder, 'layer');
  await installOnce(packages, layer);
  const hosts: EmbeddedHost[] = [];
  for (let made = 0; made < count; made += 1) {
    const address = uniqueAddress();
    lifetime.after(() => removeHost(address.name, testOptions));
    await startHost(address, { ...testOptions, layers: [layer] });
    hosts.push(hostAt(address));
  }
  return hosts;
};

const installOnce = async (packages: readonly string[], layer: string): Promise<void> => {
  const address = uniqueAddress();
  try {
    await startHost(address, testOptions);
    await hostAt(address).output(install(packages));
    await stopHost(address, testOptions);
    await rename(placesOf(embeddedTestFolder, address.name).upper, layer);
  } finally {
    await removeHost(address.name, testOptions);
  }
};

/** Copies files of the host into a folder of this machine, with their paths. */
export const fetchFiles = async (
  host: EmbeddedHost,
  paths: readonly string[],
  folder: string,
): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  const [program = '', ...words] = sshCommand(host.address, embeddedTestFolder);
  const archive = `tar -C / -cf - ${paths.map((path) => path.slice(1)).join(' ')}`;
  const from = spawn(program, [...words, archive], { stdio: ['ignore', 'pipe', 'ignore'] });
  const to = spawn('tar', ['-C', folder, '-xf', '-'], { stdio: [from.stdout, 'ignore', 'inherit'] });
  const [[sent], [received]] = await Promise.all([once(from, 'exit'), once(to, 'exit')]);
  if (sent !== 0 || received !== 0)
    throw new Error(`the files of the host were not copied: ${sent} ${received}`);
};

/** A host's public keys under the name by which a tool reaches it. */
export const hostKeys = async (host: EmbeddedHost, name: string): Promise<string> => {
  const lines = await Promise.all(host.ssh.knownHostsFiles.map((file) => readFile(file, 'utf8')));
  return lines.join('').replaceAll(`${host.ssh.host} `, `${name} `);
};
