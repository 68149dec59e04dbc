import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { type CachedFile, cached, keep, withScratch } from '../cache.ts';
import { type Architecture, goArchitecture } from '../pins.ts';
import type { Work } from '../report.ts';
import { makeTar, type TarEntry } from '../tar.ts';
import { redisLayers, writeEntries } from './redis-root.ts';

/** Raised when the recipe changes, so that a cached image of an older one is made again. */
const recipe = 3;

const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** An image as a registry serves it: an index that names a manifest that names blobs. */
export interface ServedImage {
  readonly index: Blob;
  readonly manifest: Blob;
  readonly blobs: readonly Blob[];
}

export interface Blob extends CachedFile {
  readonly mediaType: string;
}

const parts = ['index', 'manifest', 'config', 'layer-userland', 'layer-redis'] as const;
type Part = (typeof parts)[number];

/** The walk-through's image for one architecture: from the cache, or made from the distribution's packages. */
export async function redisImage(
  arch: Architecture,
  work: Work,
  { fresh } = { fresh: false },
): Promise<ServedImage> {
  if (fresh) return withScratch((folder) => makeImage(arch, folder, work));
  const known = await Promise.all(parts.map((part) => cached(keyOf(arch, part))));
  const [index, manifest, ...blobs] = known.filter((file) => file !== undefined);
  if (known.length === parts.length && index !== undefined && manifest !== undefined && blobs.length === 3)
    return imageOf(index, manifest, blobs);
  return withScratch((folder) => makeImage(arch, folder, work));
}

async function makeImage(arch: Architecture, folder: string, work: Work): Promise<ServedImage> {
  const layers = await redisLayers(arch, folder, work);
  await requireThatRedisRuns(layers, arch, folder, work);
  const put = async (part: Part, content: Buffer): Promise<CachedFile> => {
    const file = join(folder, part);
    await writeFile(file, content);
    return keep(keyOf(arch, part), file, 0o644);
  };
  const archives = layers.map(makeTar);
  const [userland = Buffer.alloc(0), redis = Buffer.alloc(0)] = archives.map((archive) => gzipSync(archive));
  const blobs = [await put('layer-userland', userland), await put('layer-redis', redis)];
  const config = await put('config', json(configOf(arch, archives)));
  const manifest = await put(
    'manifest',
    json({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: descriptor(config, mediaTypes.config),
      layers: blobs.map((blob) => descriptor(blob, mediaTypes.layer)),
    }),
  );
  const platform = { os: 'linux', architecture: goArchitecture[arch] };
  const index = await put(
    'index',
    json({
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [{ ...descriptor(manifest, mediaTypes.manifest), platform }],
    }),
  );
  return imageOf(index, manifest, [config, ...blobs]);
}

/** As the well-known image of this name: an entry point script, redis as its default argument, data in /data. */
const configOf = (arch: Architecture, archives: readonly Buffer[]): object => ({
  architecture: goArchitecture[arch],
  os: 'linux',
  config: {
    Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
    Entrypoint: ['docker-entrypoint.sh'],
    Cmd: ['redis-server'],
    WorkingDir: '/data',
    ExposedPorts: { '6379/tcp': {} },
  },
  rootfs: { type: 'layers', diff_ids: archives.map((archive) => `sha256:${sha256(archive)}`) },
  history: [{ created_by: 'berth: userland' }, { created_by: 'berth: redis' }],
});

/**
 * An image without a working redis would fail much later and far away. The loader of the image runs
 * its redis with its libraries alone; for another architecture the closure of the libraries must do.
 */
async function requireThatRedisRuns(
  layers: readonly TarEntry[][],
  arch: Architecture,
  folder: string,
  work: Work,
): Promise<void> {
  if (process.arch !== arch) return;
  const root = join(folder, 'check');
  await writeEntries(root, layers.flat());
  const entries = layers.flat().map(({ path }) => path);
  const loader = entries.find((path) => /^lib(64)?\/ld-linux[^/]*$/.test(path));
  const libraries = entries.find((path) => /^lib\/[^/]+-linux-gnu$/.test(path));
  if (loader === undefined || libraries === undefined)
    throw new Fail('Fetch', 'the packages of redis hold no loader');
  const argv = [join(root, loader), '--inhibit-cache', '--library-path', join(root, libraries)];
  const ended = await runCommand([...argv, join(root, 'usr/bin/redis-server'), '--version'], {
    signal: work.signal,
  });
  if (ended.exitCode !== 0 || !/Redis server v=\d/.test(ended.stdout))
    throw new Fail('Fetch', `redis in the walk-through image does not run: ${ended.stderr.trim()}`);
}

/** The image that these files are. */
export const imageOf = (
  index: CachedFile,
  manifest: CachedFile,
  blobs: readonly CachedFile[],
): ServedImage => ({
  index: { ...index, mediaType: mediaTypes.index },
  manifest: { ...manifest, mediaType: mediaTypes.manifest },
  blobs: blobs.map((blob) => ({ ...blob, mediaType: 'application/octet-stream' })),
});

const descriptor = ({ sha256, bytes }: CachedFile, mediaType: string): object => ({
  mediaType,
  digest: `sha256:${sha256}`,
  size: bytes,
});

const keyOf = (arch: Architecture, part: Part): string => `redis-image-${recipe}-${arch}-${part}`;
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
