import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Fail, failedWith } from '../core/fail.ts';
import type { Digest, OciImageConfig } from '../spec/oci/image.ts';
import { requireSigned } from './policy/require-signed.ts';
import type { Candidate, PulledImage, PullProgress, PullRequest } from './protocol.ts';
import { isDigest } from './reference.ts';
import { readSmallBlob } from './registry/blob.ts';
import { ANONYMOUS, type Credentials, credentialsFrom } from './registry/credentials.ts';
import { fetchImageManifest, type ImageManifest } from './registry/fetch-image-manifest.ts';
import { parseImageConfig } from './registry/image-config.ts';
import { Registry } from './registry/registry.ts';
import { STALL_MS } from './registry/transport.ts';
import type { Source } from './registry-sources.ts';
import type { RegistryAuth } from './store/image.ts';
import { commitLayers, type LayerRecord, readLayer, type StagedLayer } from './store/layer.ts';
import { diffIn, type Layout, layerFolder, layoutOf } from './store/layout.ts';
import { makeStaging } from './store/staging.ts';
import type { LayerContents } from './unpack/extract.ts';
import { stageLayers } from './unpack/lanes.ts';
import { settleFolders } from './unpack/settle-folders.ts';
import type { LayerJob } from './unpack/stage-layer.ts';

/** Each costs some 50 MB while it works, and more no longer help one disk. */
const MAX_LANES = 6;

const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** The program whose worker threads unpack layers. */
  readonly entry: URL;
  readonly onProgress: (progress: PullProgress) => void;
}

interface Attempt extends FetchOptions {
  readonly request: PullRequest;
  readonly layout: Layout;
  /** Where this attempt's layers are unpacked: nobody has been there before. */
  readonly staging: string;
  readonly registry: Registry;
}

/**
 * Fetches an image into the store: what is not there yet, verified, whole and on disk when this resolves. Tries
 * the candidates' sources in order; when all fail, the error says why each did.
 */
export const fetchImage = async (request: PullRequest, options: FetchOptions): Promise<PulledImage> => {
  const layout = layoutOf(request.root);
  const staging = makeStaging(layout);
  const failures: Fail[] = [];
  try {
    for (const candidate of request.candidates) {
      for (const source of candidate.sources) {
        try {
          const own = join(staging, String(failures.length));
          return await fromSource(candidate, source, { ...options, request, layout, staging: own });
        } catch (error) {
          if (!(error instanceof Fail) || !anotherSourceMayHelp(error)) throw error;
          failures.push(error);
        }
      }
    }
    throw together(failures);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
};

const anotherSourceMayHelp = (error: Fail): boolean =>
  !failedWith(error, 'ResourceExhausted') &&
  !failedWith(error, 'Internal') &&
  !failedWith(error, 'Cancelled');

const together = (failures: readonly Fail[]): Fail => {
  const last = failures.at(-1);
  if (last === undefined) return new Fail('InvalidArgument', 'the pull names no source');
  if (failures.length === 1) return last;
  const reasons = failures.map(({ message }) => message).join('; ');
  return new Fail(last.code, reasons, last.hint === undefined ? {} : { hint: last.hint });
};

/** Who brings a login means the registry: nothing of it goes to a mirror. The node's own are each for one place. */
const credentialsAt = (source: Source, brought: RegistryAuth | undefined): Credentials => {
  if (brought !== undefined) return source.primary ? credentialsFrom(brought) : ANONYMOUS;
  return credentialsFrom(source.login);
};

const fromSource = async (
  candidate: Candidate,
  source: Source,
  options: Omit<Attempt, 'registry'>,
): Promise<PulledImage> => {
  const credentials = credentialsAt(source, options.request.auth);
  const registry = new Registry({
    source,
    credentials,
    protocol: undefined,
    authorization: undefined,
    stallMs: STALL_MS,
  });
  try {
    return await fromRegistry(candidate, { ...options, registry });
  } finally {
    registry.close();
  }
};

const fromRegistry = async (candidate: Candidate, attempt: Attempt): Promise<PulledImage> => {
  const { registry, request, signal } = attempt;
  const manifest = await fetchImageManifest(registry, candidate.identifier, request.platform, signal);
  await requireSigned(candidate, registry, manifest.digests.at(-1), signal);
  const config = await fetchConfig(registry, manifest, signal);
  const layers = await fetchLayers(manifest, config, attempt);
  return {
    id: manifest.config.digest,
    name: candidate.name,
    tag: isDigest(candidate.identifier) ? undefined : candidate.identifier,
    manifestDigests: manifest.digests,
    layers: layers.map(({ chainId, diffId, sizeBytes }) => ({ chainId, diffId, sizeBytes })),
    configBytes: manifest.config.size,
    config,
  };
};

const fetchConfig = async (
  registry: Registry,
  manifest: ImageManifest,
  signal: AbortSignal,
): Promise<OciImageConfig> => {
  const body = await readSmallBlob(registry, manifest.config, MAX_CONFIG_BYTES, signal);
  const config = parseImageConfig(body, registry.name);
  if (config.rootfs.diff_ids.length === manifest.layers.length) return config;
  throw new Fail(
    'InvalidArgument',
    `${registry.name}: the manifest has ${manifest.layers.length} layers, its configuration ${config.rootfs.diff_ids.length}`,
    { hint: 'the image is inconsistent: build and push it again' },
  );
};

const fetchLayers = async (
  manifest: ImageManifest,
  config: OciImageConfig,
  attempt: Attempt,
): Promise<readonly LayerRecord[]> => {
  const chain = new Chain(jobsFor(manifest, config, attempt), attempt);
  const { missing } = chain;
  await stageLayers(missing, {
    registry: attempt.registry,
    lanes: Math.min(availableParallelism(), MAX_LANES),
    entry: attempt.entry,
    signal: attempt.signal,
    onBytes: (count) => chain.received(count),
    onStaged: (job, contents) => chain.staged(job, contents),
  });
  chain.commit();
  return chain.records();
};

const jobsFor = (manifest: ImageManifest, config: OciImageConfig, attempt: Attempt): readonly LayerJob[] => {
  const jobs: LayerJob[] = [];
  let chainId: Digest | undefined;
  for (const [index, blob] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index];
    if (diffId === undefined) break;
    chainId = chainId === undefined ? diffId : chainIdOf(chainId, diffId);
    const folder = join(attempt.staging, String(index));
    jobs.push({ index, blob: { digest: blob.digest, size: blob.size }, diffId, chainId, folder });
  }
  return jobs;
};

/** OCI image specification, config.md, "Layer ChainID". */
const chainIdOf = (below: Digest, diffId: Digest): Digest =>
  `sha256:${createHash('sha256').update(`${below} ${diffId}`).digest('hex')}`;

/** Unpacked bytes that wait for one sync of the disk: so much work a power loss may cost. */
const COMMIT_AT_BYTES = 64 * 2 ** 20;

/**
 * The layers of the image on their way into the store. They are put in place from the bottom up, several small ones
 * at a time since each time syncs the whole file system; meanwhile other lanes go on unpacking.
 */
class Chain {
  readonly missing: readonly LayerJob[];
  readonly #attempt: Attempt;
  readonly #jobs: readonly LayerJob[];
  readonly #records = new Map<number, LayerRecord>();
  readonly #contents = new Map<number, LayerContents>();
  readonly #bytes: number;
  #bytesDone = 0;
  #pendingBytes = 0;
  #committed = 0;

  constructor(jobs: readonly LayerJob[], attempt: Attempt) {
    this.#jobs = jobs;
    this.#attempt = attempt;
    for (const { index, chainId } of jobs) {
      const record = readLayer(attempt.layout, chainId);
      if (record !== undefined) this.#records.set(index, record);
    }
    this.missing = jobs.filter(({ index }) => !this.#records.has(index));
    this.#bytes = this.missing.reduce((sum, { blob }) => sum + blob.size, 0);
    this.#report();
  }

  received(count: number): void {
    this.#bytesDone += count;
    this.#report();
  }

  staged(job: LayerJob, contents: LayerContents): void {
    const { chainId, diffId } = job;
    const { sizeBytes, diskBytes, inodes } = contents;
    this.#records.set(job.index, { version: 1, chainId, diffId, sizeBytes, diskBytes, inodes });
    this.#contents.set(job.index, contents);
    this.#pendingBytes += sizeBytes;
    this.#report();
    if (this.#pendingBytes >= COMMIT_AT_BYTES) this.commit();
  }

  /** Puts in place what is complete from the bottom up. */
  commit(): void {
    const ready: StagedLayer[] = [];
    for (; this.#records.has(this.#committed); this.#committed += 1) {
      const layer = this.#settle(this.#committed);
      if (layer !== undefined) ready.push(layer);
    }
    commitLayers(this.#attempt.layout, ready);
    this.#pendingBytes = 0;
  }

  records(): readonly LayerRecord[] {
    return this.#jobs.flatMap(({ index }) => this.#records.get(index) ?? []);
  }

  /** The staged layer, its undescribed folders settled; undefined for one that was in place before. */
  #settle(index: number): StagedLayer | undefined {
    const job = this.#jobs[index];
    const record = this.#records.get(index);
    const contents = this.#contents.get(index);
    if (job === undefined || record === undefined || contents === undefined) return undefined;
    const lower = this.#jobs.slice(0, index).map((below) => this.#diffOf(below));
    settleFolders(diffIn(job.folder), contents.implicitFolders, lower.reverse());
    return { folder: job.folder, record };
  }

  /** Where the layer's files are while this commit is prepared. */
  #diffOf(job: LayerJob): string {
    const isStaged =
      this.#contents.has(job.index) && readLayer(this.#attempt.layout, job.chainId) === undefined;
    return diffIn(isStaged ? job.folder : layerFolder(this.#attempt.layout, job.chainId));
  }

  #report(): void {
    this.#attempt.onProgress({
      layers: this.#jobs.length,
      layersDone: this.#records.size,
      bytes: this.#bytes,
      bytesDone: this.#bytesDone,
    });
  }
}
