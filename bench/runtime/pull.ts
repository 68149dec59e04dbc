import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage, digestOf, type LayerBlob, pushImage } from '../../test/harness/oci-image.ts';
import type { Peer } from './peer.ts';

const SMALL_FILE_BYTES = 64 * 1024;
const BIG_FILE_BYTES = 4 * 1024 * 1024;

/** Files of the machine itself, so that they compress like real ones. */
const SOURCE = '/usr';

/** Two images: of many small files and of few big ones. By what to call the pull of each. */
export const pushImages = async (host: string, megabytes: number): Promise<ReadonlyMap<string, string>> => {
  const contents = {
    'pull, many small files': chooseFiles(megabytes, 6, (size) => size <= SMALL_FILE_BYTES),
    'pull, few big files': chooseFiles(megabytes, 3, (size) => size >= BIG_FILE_BYTES),
  };
  const images = new Map<string, string>();
  for (const [figure, lists] of Object.entries(contents)) {
    const repository = `bench/${images.size}`;
    await pushImage({ host, repository }, '1', buildImage({ layers: lists.map(layerOf) }));
    images.set(figure, `${host}/${repository}:1`);
  }
  return images;
};

/** Pulls through the CRI and removes the image again; the sync before keeps earlier writes out of the time. */
export const pullOnce = async (peer: Peer, figure: string, image: string): Promise<void> => {
  execFileSync('sync');
  await peer.samples.time(figure, () => peer.images.pullImage({ image: { image } }));
  await peer.images.removeImage({ image: { image } });
};

const filesIn = function* (folder: string): Generator<{ path: string; size: number }> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile()) yield { path, size: statSync(path).size };
  }
};

/** Lists of files, one per layer, of about `megabytes` together; neighbours stay in one layer, as in real images. */
const chooseFiles = (megabytes: number, layers: number, fits: (size: number) => boolean): string[][] => {
  const lists: string[][] = Array.from({ length: layers }, () => []);
  const limit = megabytes * 2 ** 20;
  let bytes = 0;
  for (const { path, size } of filesIn(SOURCE)) {
    if (!fits(size)) continue;
    lists[Math.floor((bytes / limit) * layers)]?.push(path);
    bytes += size;
    if (bytes >= limit) break;
  }
  return lists.filter((list) => list.length > 0);
};

const layerOf = (paths: readonly string[]): LayerBlob => {
  const list = join(tmpdir(), `berth-bench-files-${process.pid}`);
  try {
    writeFileSync(list, paths.join('\n'));
    const options = { maxBuffer: 2 ** 31, cwd: '/' };
    const selection = ['--create', '--absolute-names', '--no-recursion', '--files-from', list];
    const tar = execFileSync('tar', selection, options);
    const bytes = execFileSync('gzip', ['-6'], { ...options, input: tar });
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
    return { mediaType, digest: digestOf(bytes), bytes, diffId: digestOf(tar) };
  } finally {
    rmSync(list, { force: true });
  }
};
