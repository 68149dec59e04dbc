import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Fail, failedWith } from '../../core/fail.ts';
import type { Log } from '../../observe/log.ts';
import type { Digest } from '../../spec/oci/image.ts';
import type { PulledImage } from '../protocol.ts';
import { hexOf, isDigest, parseReference } from '../reference.ts';
import { syncFolder, writeDurably } from './durable-file.ts';
import { findImage, type NamesMeant } from './find.ts';
import type { Image, ImageStore } from './image.ts';
import { readImage, withNames, withoutTags } from './image-record.ts';
import { type LayerRecord, readLayer } from './layer.ts';
import { diffIn, type Layout, layerFolder, layoutOf } from './layout.ts';
import { mountedLayers } from './mounted-layers.ts';
import { removeTree } from './remove-tree.ts';
import { makeStaging, namesIn, sweepStaging } from './staging.ts';

/** What pulling needs beyond what the rest of berthd sees. */
export interface OpenImageStore extends ImageStore {
  readonly root: string;
  /**
   * No layer is removed from now until the returned release is called: the pull may rely on layers it finds.
   * The release also removes what ended pulls left in staging.
   */
  holdLayers(): () => Promise<void>;
  /** Records what was pulled, all layers of which are in place. Its tag leaves the image that had it. */
  record(pulled: PulledImage): Promise<Image>;
}

/**
 * Opens the store, as its one writer of records. What a crash left in staging goes, and layers that no record
 * needs, unless a pull that outlived the daemon is still at work. Missing folders are made.
 */
export const openImageStore = async (options: {
  readonly root: string;
  readonly log?: Log;
  /** Where short names are looked for; on Docker Hub, unless told. */
  readonly namesMeant?: NamesMeant;
}): Promise<OpenImageStore> => {
  const layout = layoutOf(options.root);
  // The root of a user namespace must find its container's root file system by name; layers stay closed to it. A folder
  // that was there already and lets it through is left as it is.
  mkdirSync(layout.root, { recursive: true, mode: 0o711 });
  if ((statSync(layout.root).mode & 0o001) === 0) chmodSync(layout.root, 0o711);
  for (const folder of [layout.layers, layout.images, layout.retired, layout.staging, layout.empty]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const namesMeant = options.namesMeant ?? ((text) => [parseReference(text)]);
  const store = new Store(layout, namesMeant, options.log);
  await store.load();
  return store;
};

class Store implements OpenImageStore {
  readonly root: string;
  readonly #layout: Layout;
  readonly #namesMeant: NamesMeant;
  readonly #log: Log | undefined;
  readonly #images = new Map<Digest, Image>();
  /** Images without names whose layers containers still use. */
  readonly #retired = new Map<Digest, Image>();
  readonly #layers = new Map<Digest, LayerRecord>();
  #listed: readonly Image[] | undefined;
  #holds = 0;
  #collectionIsDue = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(layout: Layout, namesMeant: NamesMeant, log: Log | undefined) {
    this.root = layout.root;
    this.#layout = layout;
    this.#namesMeant = namesMeant;
    this.#log = log;
  }

  async load(): Promise<void> {
    const pulling = await sweepStaging(this.#layout, this.#log);
    for (const name of await namesIn(this.#layout.layers)) this.#loadLayer(`sha256:${name}`);
    for (const image of await this.#loadImages(this.#layout.retired)) this.#retired.set(image.id, image);
    for (const image of oldestFirst(await this.#loadImages(this.#layout.images)))
      await this.#loadImage(image);
    if (!pulling) await this.#collect();
  }

  list(): readonly Image[] {
    this.#listed ??= [...this.#images.values()];
    return this.#listed;
  }

  find(reference: string): Image | undefined {
    return findImage(reference, this.#images, this.#namesMeant);
  }

  lowerDirs(image: Image): readonly string[] {
    if (image.layers.length === 0) return [this.#layout.empty];
    return image.layers.map(({ chainId }) => diffIn(layerFolder(this.#layout, chainId))).reverse();
  }

  readonlyDirs(image: Image): readonly string[] {
    return image.layers.length === 0 ? this.lowerDirs(image) : [...this.lowerDirs(image), this.#layout.empty];
  }

  remove(reference: string, inUse: ReadonlySet<Digest>): Promise<void> {
    return this.#exclusively(async () => {
      const image = this.find(reference);
      if (image !== undefined) await this.#retire(image);
      await this.#forgetRetired(inUse);
      await this.#collect();
    });
  }

  async usage(): Promise<{ mountpoint: string; usedBytes: number; inodesUsed: number }> {
    let usedBytes = 0;
    let inodesUsed = 0;
    for (const layer of this.#layers.values()) {
      usedBytes += layer.diskBytes;
      inodesUsed += layer.inodes;
    }
    return { mountpoint: this.root, usedBytes, inodesUsed };
  }

  holdLayers(): () => Promise<void> {
    this.#holds += 1;
    return async () => {
      this.#holds -= 1;
      if (this.#holds > 0) return;
      await this.#exclusively(async () => {
        await sweepStaging(this.#layout, this.#log);
        if (this.#collectionIsDue) await this.#collect();
      });
    };
  }

  record(pulled: PulledImage): Promise<Image> {
    return this.#exclusively(async () => {
      for (const { chainId } of pulled.layers) this.#requireLayer(chainId, pulled);
      const image = this.#imageFrom(pulled);
      await this.#save(image);
      for (const other of this.#images.values()) {
        if (other.id !== image.id && other.repoTags.some((tag) => image.repoTags.includes(tag))) {
          await this.#save(withoutTags(other, image.repoTags));
        }
      }
      if (this.#retired.delete(image.id)) await this.#unlink(this.#layout.retired, image.id);
      return image;
    });
  }

  #imageFrom(pulled: PulledImage): Image {
    const names = {
      tags: pulled.tag === undefined ? [] : [`${pulled.name}:${pulled.tag}`],
      digests: pulled.manifestDigests.map((digest) => `${pulled.name}@${digest}`),
      pulledAtNs: String(BigInt(Date.now()) * 1_000_000n),
    };
    const known = this.#images.get(pulled.id);
    if (known !== undefined) return withNames(known, names);
    const layers = pulled.layers.map(({ chainId, diffId, sizeBytes }) => ({ chainId, diffId, sizeBytes }));
    const sizeBytes = layers.reduce((sum, layer) => sum + layer.sizeBytes, pulled.configBytes);
    return withNames(
      {
        version: 1,
        id: pulled.id,
        repoTags: [],
        repoDigests: [],
        sizeBytes,
        layers,
        config: pulled.config,
        pulledAtNs: '0',
      },
      names,
    );
  }

  #requireLayer(chainId: Digest, pulled: PulledImage): void {
    const layer = this.#layers.get(chainId) ?? readLayer(this.#layout, chainId);
    if (layer === undefined) {
      throw new Fail('Unavailable', `image ${pulled.name}: layer ${chainId} is not in the store`, {
        hint: 'pull the image again',
      });
    }
    this.#layers.set(chainId, layer);
  }

  /** One that is damaged counts as absent: its images are forgotten and pulled again, all others stay usable. */
  #loadLayer(chainId: string): void {
    if (!isDigest(chainId)) return;
    try {
      const layer = readLayer(this.#layout, chainId);
      if (layer !== undefined) this.#layers.set(chainId, layer);
    } catch (error) {
      if (!failedWith(error, 'DataLoss')) throw error;
      this.#log?.warn('a layer is damaged and counts as absent', { layer: chainId, error });
    }
  }

  /** A record without its layers is no image: somebody removed them. Its tags stay with the newest that has them. */
  async #loadImage(image: Image): Promise<void> {
    const missing = image.layers.find(({ chainId }) => !this.#layers.has(chainId));
    if (missing !== undefined) {
      this.#log?.warn('image lacks a layer and is forgotten; pull it again', {
        image: image.id,
        layer: missing.chainId,
      });
      await this.#unlink(this.#layout.images, image.id);
      return;
    }
    for (const other of this.#images.values()) this.#images.set(other.id, withoutTags(other, image.repoTags));
    this.#images.set(image.id, image);
  }

  async #loadImages(folder: string): Promise<readonly Image[]> {
    const images: Image[] = [];
    for (const name of await namesIn(folder)) {
      const file = join(folder, name);
      if (name.endsWith('.json')) images.push(...(await this.#readImage(file)));
      else if (name.endsWith('.tmp')) await rm(file, { force: true });
    }
    return images;
  }

  /** Nothing for a damaged record, which goes: its image is pulled again, and all others stay usable. */
  async #readImage(file: string): Promise<readonly Image[]> {
    try {
      return [await readImage(file)];
    } catch (error) {
      if (!failedWith(error, 'DataLoss')) throw error;
      this.#log?.warn('the record of an image is damaged, and the image forgotten', { error });
      await rm(file, { force: true });
      return [];
    }
  }

  async #save(image: Image): Promise<void> {
    await writeDurably(this.#file(this.#layout.images, image.id), JSON.stringify(image));
    this.#images.set(image.id, image);
    this.#listed = undefined;
  }

  async #retire(image: Image): Promise<void> {
    await rename(this.#file(this.#layout.images, image.id), this.#file(this.#layout.retired, image.id));
    syncFolder(this.#layout.images);
    syncFolder(this.#layout.retired);
    this.#images.delete(image.id);
    this.#retired.set(image.id, image);
    this.#listed = undefined;
  }

  async #forgetRetired(inUse: ReadonlySet<Digest>): Promise<void> {
    for (const id of [...this.#retired.keys()].filter((retired) => !inUse.has(retired))) {
      await this.#unlink(this.#layout.retired, id);
      this.#retired.delete(id);
    }
  }

  async #unlink(folder: string, id: Digest): Promise<void> {
    await rm(this.#file(folder, id), { force: true });
    syncFolder(folder);
  }

  /**
   * Removes the layers that no image needs: each leaves its place by one rename before any of its files goes,
   * so that a layer in place is always whole. What is mounted stays, whatever became of the record of its image:
   * containers run on it.
   */
  async #collect(): Promise<void> {
    this.#collectionIsDue = this.#holds > 0;
    if (this.#collectionIsDue) return;
    const known = [...this.#images.values(), ...this.#retired.values()].flatMap(({ layers }) => layers);
    const needed = new Set([...known.map(({ chainId }) => chainId), ...mountedLayers(this.#layout)]);
    const names = await namesIn(this.#layout.layers);
    const garbage = names.filter((name) => !isNeeded(name, needed));
    if (garbage.length === 0) return;
    const trash = makeStaging(this.#layout);
    for (const name of garbage) {
      await rename(join(this.#layout.layers, name), join(trash, basename(name)));
      this.#layers.delete(`sha256:${name}`);
    }
    syncFolder(this.#layout.layers);
    await removeTree(trash);
  }

  #file(folder: string, id: Digest): string {
    return join(folder, `${hexOf(id)}.json`);
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }
}

const isNeeded = (name: string, needed: ReadonlySet<Digest>): boolean => {
  const chainId = `sha256:${name}`;
  return isDigest(chainId) && needed.has(chainId);
};

const oldestFirst = (images: readonly Image[]): readonly Image[] =>
  [...images].sort((a, b) => (BigInt(a.pulledAtNs) < BigInt(b.pulledAtNs) ? -1 : 1));
