import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { commandOutput } from '../../../src/core/command.ts';
import { buildRpms, debName, isDeb, packagesInRoot, type RpmSource, rpmOfDeb } from './wrap-debs.ts';

const signal = new AbortController().signal;
const here = import.meta.dirname;

/** What Fedora's packages are called and split into, where it is not one to one. */
const renamed: Readonly<Record<string, string>> = {
  'debian-archive-keyring': 'debian-keyring',
  'openssh-client': 'openssh',
};

/** A layer over the Fedora-like one, with a repository of what embedded hosts need on the machine that boots them. */
export async function machineLayer(base: string, folder: string): Promise<string> {
  const key = ['machine.ts', 'machine-packages.sh', 'wrap-debs.ts']
    .reduce((hash, file) => hash.update(readFileSync(join(here, file))), createHash('sha256').update(base))
    .digest('hex')
    .slice(0, 12);
  const layer = join(folder, `machine-${key}`);
  if (existsSync(layer)) return layer;
  const part = `${layer}.part`;
  await rm(part, { recursive: true, force: true });
  const debs = await mkdtemp(join(tmpdir(), 'berth-debs-'));
  try {
    await commandOutput(['unshare', '--mount', 'sh', join(here, 'machine-packages.sh')], {
      signal,
      deadlineSeconds: 900,
      env: { BASE: base, DEBS: debs },
    });
    const repository = join(part, 'srv/repository/machine');
    await buildRpms(await sourcesIn(debs), repository, '/nonexistent');
    await commandOutput(['createrepo_c', '--quiet', repository], { signal });
    await mkdir(join(part, 'etc/yum.repos.d'), { recursive: true });
    await writeFile(
      join(part, 'etc/yum.repos.d/machine.repo'),
      '[machine]\nname=machine\nbaseurl=file:///srv/repository/machine\ngpgcheck=0\n',
    );
    await rename(part, layer);
    return layer;
  } finally {
    for (const each of [part, debs]) await rm(each, { recursive: true, force: true });
  }
}

async function sourcesIn(debs: string): Promise<RpmSource[]> {
  const files = (await readdir(debs)).filter(isDeb).map((file) => join(debs, file));
  const names = files.map((file) => basename(file).split('_')[0] ?? '');
  const known = new Set([...(await packagesInRoot(join(debs, 'in-the-root'))).keys(), ...names]);
  const sources = await Promise.all(
    files.map(async (file, index) => {
      const source = await rpmOfDeb(file, join(debs, 'trees'), known);
      const name = names[index] ?? '';
      // In Debian nobody has to say so.
      const requires = name === 'mmdebstrap' ? [debName('dpkg')] : [];
      return {
        ...source,
        name: renamed[name] ?? source.name,
        requires: [...(source.requires ?? []), ...requires],
      };
    }),
  );
  return [...sources, { name: 'openssh-clients', version: '9', requires: ['openssh'] }];
}
