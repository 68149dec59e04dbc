import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildGoProgram } from '../../harness/go-program.ts';
import { buildLayer, type LayerBlob } from '../../harness/oci-image.ts';
import { type TarMember, tarOf } from '../../harness/tar.ts';
import { busyboxLayer } from './busybox-layer.ts';
import { extractPackages } from './packages.ts';
import { httpdLayer, nginxLayer } from './web-layers.ts';

const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/berth-test');
const PACKAGES = ['busybox', 'procps', 'util-linux', 'nginx', 'apache2-bin'];

/** The layers that critest's images are made of. All stand on `base`. */
export interface Layers {
  readonly base: LayerBlob;
  readonly nginx: LayerBlob;
  readonly httpd: LayerBlob;
  readonly nonewprivs: LayerBlob;
}

/** The folder of the layers' archives, in the cache; made of the distribution's packages, in about 15 s, when what makes them has changed. */
export const layerArchives = async (): Promise<string> => {
  const folder = join(CACHE, `critest-layers-${await digestOfRecipe()}`);
  if (!existsSync(folder)) await makeArchives(folder);
  return folder;
};

export const critestLayers = async (): Promise<Layers> => {
  const folder = await layerArchives();
  const layer = async (name: keyof Layers): Promise<LayerBlob> =>
    buildLayer(await readFile(join(folder, `${name}.tar`)), { compression: 'zstd' });
  return {
    base: await layer('base'),
    nginx: await layer('nginx'),
    httpd: await layer('httpd'),
    nonewprivs: await layer('nonewprivs'),
  };
};

const makeArchives = async (folder: string): Promise<void> => {
  await mkdir(CACHE, { recursive: true });
  const staging = await mkdtemp(join(CACHE, 'critest-layers.'));
  try {
    const root = join(staging, 'root');
    await extractPackages(root, PACKAGES);
    const members: Readonly<Record<keyof Layers, readonly TarMember[]>> = {
      base: await busyboxLayer(root),
      nginx: await nginxLayer(root),
      httpd: await httpdLayer(root),
      nonewprivs: await setuidProgram(),
    };
    const archives = join(staging, 'archives');
    await mkdir(archives);
    for (const [name, content] of Object.entries(members))
      await writeFile(join(archives, `${name}.tar`), tarOf(content));
    await chmod(archives, 0o755);
    await rename(archives, folder).catch((error: NodeJS.ErrnoException) => {
      // Another run was faster; its archives are as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
};

const setuidProgram = async (): Promise<TarMember[]> => {
  const program = await buildGoProgram(join(import.meta.dirname, 'nonewprivs'));
  return [{ path: 'bin/nonewprivs', mode: 0o4755, body: await readFile(program) }];
};

const digestOfRecipe = async (): Promise<string> => {
  const hash = createHash('sha256');
  const names = await readdir(import.meta.dirname, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
};
