import { createHash } from 'node:crypto';
import http from 'node:http';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Digest, OciImageConfig } from '../../runtime/spec/oci/image.ts';
import { type TarMember, tarOf } from './tar.ts';

export interface Blob {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Buffer;
}

export interface LayerBlob extends Blob {
  readonly diffId: Digest;
}

export interface BuiltImage {
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly LayerBlob[];
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

export type Format = 'oci' | 'docker';
export type Compression = 'gzip' | 'zstd' | 'none';

export const digestOf = (bytes: Buffer): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
    none: 'application/vnd.oci.image.layer.v1.tar',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
  },
} as const;

/** A layer of these members, or of the bytes of any archive. */
export const buildLayer = (
  content: readonly TarMember[] | Buffer,
  options: { readonly format?: Format; readonly compression?: Compression } = {},
): LayerBlob => {
  const { format = 'oci', compression = 'gzip' } = options;
  const tar = Buffer.isBuffer(content) ? content : tarOf(content);
  const bytes = compress(tar, compression);
  return { mediaType: TYPES[format][compression], digest: digestOf(bytes), bytes, diffId: digestOf(tar) };
};

const compress = (tar: Buffer, compression: Compression): Buffer => {
  if (compression === 'none') return tar;
  return compression === 'gzip' ? gzipSync(tar) : zstdCompressSync(tar);
};

export interface ImageOptions {
  readonly layers: readonly LayerBlob[];
  readonly format?: Format;
  readonly architecture?: string;
  readonly variant?: string;
  readonly os?: string;
  readonly config?: OciImageConfig['config'];
  /** Instead of the layers' own. */
  readonly diffIds?: readonly Digest[];
}

const THIS_ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;

export const buildImage = (options: ImageOptions): BuiltImage => {
  const { layers, format = 'oci', architecture = THIS_ARCHITECTURE, os = 'linux' } = options;
  const config = blobOf(TYPES[format].config, {
    architecture,
    os,
    ...(options.variant === undefined ? {} : { variant: options.variant }),
    config: options.config ?? { Cmd: ['/bin/true'] },
    rootfs: { type: 'layers', diff_ids: options.diffIds ?? layers.map(({ diffId }) => diffId) },
  });
  const manifest = blobOf(TYPES[format].manifest, {
    schemaVersion: 2,
    mediaType: TYPES[format].manifest,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
  });
  return {
    manifest,
    config,
    layers,
    platform: { os, architecture, ...(options.variant === undefined ? {} : { variant: options.variant }) },
  };
};

export const buildIndex = (images: readonly BuiltImage[], format: Format = 'oci'): Blob =>
  blobOf(TYPES[format].index, {
    schemaVersion: 2,
    mediaType: TYPES[format].index,
    manifests: images.map(({ manifest, platform }) => ({ ...descriptorOf(manifest), platform })),
  });

export const blobOf = (mediaType: string, document: unknown): Blob => {
  const bytes = Buffer.from(JSON.stringify(document));
  return { mediaType, digest: digestOf(bytes), bytes };
};

export const descriptorOf = ({ mediaType, digest, bytes }: Blob) => ({
  mediaType,
  digest,
  size: bytes.length,
});

export interface PushTarget {
  /** `127.0.0.1:5000`, spoken to with plain HTTP. */
  readonly host: string;
  readonly repository: string;
  readonly authorization?: string;
  /** Another repository of the registry; what it has of an image is not sent again. */
  readonly from?: string;
}

/** Pushes an image under a tag; returns its manifest digest. */
export const pushImage = async (target: PushTarget, tag: string, image: BuiltImage): Promise<Digest> => {
  for (const blob of [image.config, ...image.layers]) await pushBlob(target, blob);
  await pushManifest(target, tag, image.manifest);
  return image.manifest.digest;
};

/** Pushes images and the index over them under a tag; returns the index's digest. */
export const pushIndex = async (
  target: PushTarget,
  tag: string,
  images: readonly BuiltImage[],
  format: Format = 'oci',
): Promise<Digest> => {
  for (const image of images) await pushImage(target, image.manifest.digest, image);
  const index = buildIndex(images, format);
  await pushManifest(target, tag, index);
  return index.digest;
};

export const pushBlob = async (target: PushTarget, blob: Blob): Promise<void> => {
  const mounted = target.from === undefined ? '' : `?mount=${blob.digest}&from=${target.from}`;
  const upload = await send(target, 'POST', `/v2/${target.repository}/blobs/uploads/${mounted}`);
  if (mounted !== '' && upload.status === 201) return;
  expect(upload, 202, 'blob upload');
  const location = new URL(upload.location ?? '', `http://${target.host}`);
  location.searchParams.set('digest', blob.digest);
  const put = await send(
    target,
    'PUT',
    `${location.pathname}${location.search}`,
    blob.bytes,
    'application/octet-stream',
  );
  expect(put, 201, 'blob');
};

export const pushManifest = async (target: PushTarget, reference: string, manifest: Blob): Promise<void> => {
  const path = `/v2/${target.repository}/manifests/${reference}`;
  expect(await send(target, 'PUT', path, manifest.bytes, manifest.mediaType), 201, 'manifest');
};

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
}

const expect = (answer: Answer, status: number, what: string): void => {
  if (answer.status !== status) throw new Error(`pushing the ${what}: ${answer.status} ${answer.text}`);
};

const send = (
  target: PushTarget,
  method: string,
  path: string,
  body?: Buffer,
  type?: string,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const [host, port] = target.host.split(':');
    const headers = {
      'content-length': String(body?.length ?? 0),
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(target.authorization === undefined ? {} : { authorization: target.authorization }),
    };
    const request = http.request({ host, port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
