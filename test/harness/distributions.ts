import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandOutput } from '../../src/core/command.ts';
import { fedoraLayer } from './fedora/layer.ts';
import { writeRepositoryFiles } from './fedora/repositories.ts';
import { imageLayer } from './image-based.ts';

/** What a host of the tests can be: Debian itself, or Debian with the package manager and the name of another one. */
export type Distribution =
  | 'debian'
  | 'ubuntu'
  | 'fedora'
  | 'centos'
  | 'rhel8'
  | 'rhel10'
  | 'coreos'
  | 'bootc';

/** os-release(5), as the distributions have it. */
const osReleases: Readonly<Record<Exclude<Distribution, 'debian' | 'coreos' | 'bootc'>, string>> = {
  ubuntu: `NAME="Ubuntu"
VERSION_ID="24.04"
PRETTY_NAME="Ubuntu 24.04.1 LTS"
ID=ubuntu
ID_LIKE=debian
`,
  fedora: `NAME="Fedora Linux"
VERSION_ID=41
PRETTY_NAME="Fedora Linux 41 (Server Edition)"
PLATFORM_ID="platform:f41"
ID=fedora
`,
  centos: `NAME="CentOS Stream"
VERSION_ID="9"
PRETTY_NAME="CentOS Stream 9"
PLATFORM_ID="platform:el9"
ID="centos"
ID_LIKE="rhel fedora"
`,
  rhel8: `NAME="Red Hat Enterprise Linux"
VERSION_ID="8.10"
PRETTY_NAME="Red Hat Enterprise Linux 8.10 (Ootpa)"
PLATFORM_ID="platform:el8"
ID="rhel"
ID_LIKE="fedora"
`,
  rhel10: `NAME="Red Hat Enterprise Linux"
VERSION_ID="10.0"
PRETTY_NAME="Red Hat Enterprise Linux 10.0 (Coughlan)"
PLATFORM_ID="platform:el10"
ID="rhel"
ID_LIKE="fedora centos"
`,
};

/** The layers that make the Debian root the distribution, the topmost first; kept in the folder from run to run. */
export async function layersOf(distribution: Distribution, base: string, folder: string): Promise<string[]> {
  if (distribution === 'debian') return [];
  await mkdir(folder, { recursive: true });
  if (distribution === 'coreos' || distribution === 'bootc')
    return [await imageLayer(distribution, folder), await fedoraLayer(base, folder)];
  const name = await nameLayer(distribution, folder);
  return distribution === 'ubuntu' ? [name] : [name, await fedoraLayer(base, folder)];
}

async function nameLayer(distribution: keyof typeof osReleases, folder: string): Promise<string> {
  const text = osReleases[distribution];
  const key = createHash('sha256')
    .update(text)
    .update(activateSshBySocket.toString() + writeRepositoryFiles.toString())
    .digest('hex')
    .slice(0, 8);
  const layer = join(folder, `${distribution}-${key}`);
  if (existsSync(layer)) return layer;
  const part = `${layer}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(join(part, 'etc'), { recursive: true });
  await writeFile(join(part, 'etc/os-release'), text);
  if (distribution === 'ubuntu') await activateSshBySocket(join(part, 'etc/systemd/system'));
  if (distribution === 'rhel8' || distribution === 'rhel10') await writeRepositoryFiles(part, [distribution]);
  await rename(part, layer);
  return layer;
}

/** As Ubuntu does since 22.10: sshd starts when somebody comes, and no ssh.service runs. */
async function activateSshBySocket(units: string): Promise<void> {
  for (const target of ['sockets', 'multi-user'])
    await mkdir(join(units, `${target}.target.wants`), { recursive: true });
  await symlink('/lib/systemd/system/ssh.socket', join(units, 'sockets.target.wants/ssh.socket'));
  // To an overlay file system this device says that the layer below has no such file.
  await commandOutput(['mknod', join(units, 'multi-user.target.wants/ssh.service'), 'c', '0', '0'], {
    signal: new AbortController().signal,
  });
}
