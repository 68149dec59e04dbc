import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fedoraLayer } from './fedora/layer.ts';

/** What a host of the tests can be: Debian itself, or Debian with the package manager and the name of another one. */
export type Distribution = 'debian' | 'ubuntu' | 'fedora' | 'centos' | 'rhel';

/** os-release(5), as the distributions have it. */
const osReleases: Readonly<Record<Exclude<Distribution, 'debian'>, string>> = {
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
  rhel: `NAME="Red Hat Enterprise Linux"
VERSION_ID="9.5"
PRETTY_NAME="Red Hat Enterprise Linux 9.5 (Plow)"
PLATFORM_ID="platform:el9"
ID="rhel"
ID_LIKE="fedora"
`,
};

/** The layers that make the Debian root the distribution, the topmost first; kept in the folder from run to run. */
export async function layersOf(distribution: Distribution, base: string, folder: string): Promise<string[]> {
  if (distribution === 'debian') return [];
  await mkdir(folder, { recursive: true });
  const name = await nameLayer(distribution, folder);
  return distribution === 'ubuntu' ? [name] : [name, await fedoraLayer(base, folder)];
}

async function nameLayer(distribution: keyof typeof osReleases, folder: string): Promise<string> {
  const text = osReleases[distribution];
  const key = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const layer = join(folder, `${distribution}-${key}`);
  if (existsSync(layer)) return layer;
  const part = `${layer}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(join(part, 'etc'), { recursive: true });
  await writeFile(join(part, 'etc/os-release'), text);
  await rename(part, layer);
  return layer;
}
