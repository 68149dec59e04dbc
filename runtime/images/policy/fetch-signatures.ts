import { readFile } from 'node:fs/promises';
import { absent } from '../../core/absent.ts';
import { Fail, failedWith } from '../../core/fail.ts';
import { isRecord } from '../../core/is-record.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { hexOf, isDigest } from '../reference.ts';
import { readSmallBlob } from '../registry/blob.ts';
import { discard, readDocument } from '../registry/body.ts';
import type { Registry } from '../registry/registry.ts';
import { createTransport } from '../registry/transport.ts';

/** A signature as it was found; nobody has looked at it yet. */
export type ImageSignature =
  | { readonly kind: 'message'; readonly message: Buffer }
  | { readonly kind: 'sigstore'; readonly payload: Buffer; readonly bytes: Buffer };

/** Larger than any, and small in memory. */
const MAX_BYTES = 1024 * 1024;

/** Who has more of one image does not mean to be read. */
const MAX_SIGNATURES = 64;

const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const SIGNATURE_KEY = 'dev.cosignproject.cosign/signature';

/**
 * All signatures of the manifest: those of the lookaside server that registries.d names (containers-registries.d(5)), and
 * those that sigstore's tools attach to the image in the registry, where it says so.
 */
export async function fetchSignatures(
  registry: Registry,
  digest: Digest,
  signal: AbortSignal,
): Promise<readonly ImageSignature[]> {
  const { lookaside, attachments } = placesOf(registry);
  return [
    ...(lookaside === undefined ? [] : await fromLookaside(lookaside, registry, digest, signal)),
    ...(attachments ? await fromRegistry(registry, digest, signal) : []),
  ];
}

const placesOf = ({ source }: Registry) => source.signatures ?? { lookaside: undefined, attachments: false };

/** Where was looked, for messages. */
export function placesText(registry: Registry, digest: Digest): string {
  const { lookaside, attachments } = placesOf(registry);
  const places = [
    ...(lookaside === undefined ? [] : [`${addressOf(lookaside, registry, digest)}/signature-1`]),
    ...(attachments ? [`${registry.name}:${tagOf(digest)}`] : []),
  ];
  return places.length === 0
    ? 'registries.d names no place with signatures for it'
    : `nothing at ${places.join(' and ')}`;
}

const addressOf = (lookaside: string, { source }: Registry, digest: Digest): string =>
  `${lookaside.replace(/\/+$/, '')}/${source.repository}@${digest.replace(':', '=')}`;

/** Numbered from one; the first that is missing ends them. */
async function fromLookaside(
  lookaside: string,
  registry: Registry,
  digest: Digest,
  signal: AbortSignal,
): Promise<ImageSignature[]> {
  const found: ImageSignature[] = [];
  for (let number = 1; number <= MAX_SIGNATURES; number += 1) {
    const url = new URL(`${addressOf(lookaside, registry, digest)}/signature-${number}`);
    const message = await (url.protocol === 'file:'
      ? readFile(url).catch(absent)
      : get(url, registry, signal));
    if (message === undefined) break;
    found.push({ kind: 'message', message });
  }
  return found;
}

async function get(url: URL, registry: Registry, signal: AbortSignal): Promise<Buffer | undefined> {
  const transport = createTransport({ insecure: registry.source.insecure, stallMs: registry.stallMs });
  const fail = (why: string, cause?: unknown): Fail =>
    new Fail('Unavailable', `signatures of ${registry.name}: ${url}: ${why}`, {
      hint: 'correct the lookaside in /etc/containers/registries.d, or pull again when its server answers',
      cause,
    });
  try {
    const response = await transport.send(url, { headers: {}, signal }).catch((cause: unknown) => {
      throw fail(cause instanceof Error ? cause.message : String(cause), cause);
    });
    if (response.statusCode === 200)
      return await readDocument(response, {
        what: `the signature ${url}`,
        host: url.host,
        limit: MAX_BYTES,
        stallMs: registry.stallMs,
      });
    discard(response);
    if (response.statusCode === 404) return undefined;
    throw fail(`it answers ${response.statusCode}`);
  } finally {
    transport.close();
  }
}

/** The tag that sigstore's tools give to the signatures of a manifest. */
const tagOf = (digest: Digest): string => `sha256-${hexOf(digest)}.sig`;

async function fromRegistry(
  registry: Registry,
  digest: Digest,
  signal: AbortSignal,
): Promise<ImageSignature[]> {
  const manifest = await attachedManifest(registry, digest, signal);
  const found: ImageSignature[] = [];
  for (const layer of layersIn(manifest).slice(0, MAX_SIGNATURES)) {
    const payload = await readSmallBlob(registry, layer, MAX_BYTES, signal);
    found.push({ kind: 'sigstore', payload, bytes: Buffer.from(layer.signature, 'base64') });
  }
  return found;
}

async function attachedManifest(registry: Registry, digest: Digest, signal: AbortSignal): Promise<unknown> {
  const what = `${registry.name}:${tagOf(digest)}`;
  try {
    const response = await registry.get(`manifests/${tagOf(digest)}`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      signal,
    });
    const { host } = registry.source;
    const body = await readDocument(response, { what, host, limit: MAX_BYTES, stallMs: registry.stallMs });
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof Fail && failedWith(error, 'NotFound')) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new Fail('InvalidArgument', `${what} is no manifest`, {
      hint: 'sign the image again',
      cause: error,
    });
  }
}

interface SignedLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly signature: string;
}

/** Other layers are not signatures: attestations lie elsewhere, and what is unknown proves nothing. */
function layersIn(manifest: unknown): SignedLayer[] {
  const layers = isRecord(manifest) ? manifest['layers'] : undefined;
  return (Array.isArray(layers) ? layers : []).flatMap((layer: unknown): SignedLayer[] => {
    if (!isRecord(layer) || layer['mediaType'] !== PAYLOAD_TYPE || !isRecord(layer['annotations'])) return [];
    const { digest, size } = layer;
    const signature = layer['annotations'][SIGNATURE_KEY];
    if (typeof digest !== 'string' || !isDigest(digest) || typeof signature !== 'string') return [];
    return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
      ? [{ digest, size, signature }]
      : [];
  });
}
