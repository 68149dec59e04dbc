import { createHash } from 'node:crypto';
import { Fail } from '../../core/fail.ts';
import type { Digest } from '../../spec/oci/image.ts';
import type { Platform } from '../protocol.ts';
import { isDigest } from '../reference.ts';
import { readDocument } from './body.ts';
import { type Descriptor, type Manifest, parseManifest } from './manifest.ts';
import { INDEX_TYPES, MANIFEST_TYPES } from './media-types.ts';
import type { Registry } from './registry.ts';
import { selectPlatform } from './select-platform.ts';

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** An index of indexes is allowed; deeper is not plausible. */
const MAX_DEPTH = 3;
const ACCEPT = [...MANIFEST_TYPES, ...INDEX_TYPES].join(', ');

export interface ImageManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Outermost first: of the indexes that were passed, and of the manifest. */
  readonly digests: readonly Digest[];
}

/** Resolves a tag or digest to the manifest of the image for `platform`. */
export const fetchImageManifest = async (
  registry: Registry,
  identifier: string,
  platform: Platform,
  signal: AbortSignal,
): Promise<ImageManifest> => {
  const digests: Digest[] = [];
  let wanted: { identifier: string; mediaType?: string } = { identifier };
  while (digests.length < MAX_DEPTH) {
    const subject = subjectOf(registry, wanted.identifier);
    const { digest, manifest } = await fetchManifest(registry, wanted, subject, signal);
    digests.push(digest);
    if (manifest.kind === 'image') return { config: manifest.config, layers: manifest.layers, digests };
    const entry = selectPlatform(manifest.entries, platform, subject);
    wanted = { identifier: entry.digest, mediaType: entry.mediaType };
  }
  throw new Fail(
    'InvalidArgument',
    `${subjectOf(registry, identifier)}: indexes are nested more than ${MAX_DEPTH - 1} deep`,
    {
      hint: 'push the image again with a current tool',
    },
  );
};

const fetchManifest = async (
  registry: Registry,
  wanted: { readonly identifier: string; readonly mediaType?: string },
  subject: string,
  signal: AbortSignal,
): Promise<{ readonly digest: Digest; readonly manifest: Manifest }> => {
  const response = await registry.get(`manifests/${wanted.identifier}`, {
    headers: { accept: ACCEPT },
    signal,
  });
  const body = await readDocument(response, {
    what: `${subject}: the manifest`,
    host: registry.source.host,
    limit: MAX_MANIFEST_BYTES,
    stallMs: registry.stallMs,
  });
  const digest: Digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  checkDigest(digest, wanted.identifier, response.headers['docker-content-digest'], subject);
  return {
    digest,
    manifest: parseManifest(body, response.headers['content-type'] ?? wanted.mediaType, subject),
  };
};

/** Asked by digest, the body decides; asked by tag, what the registry claims must be true at least. */
const checkDigest = (
  actual: Digest,
  identifier: string,
  claimed: string | string[] | undefined,
  subject: string,
): void => {
  const expected = isDigest(identifier) ? identifier : claimed;
  if (typeof expected !== 'string' || !isDigest(expected) || expected === actual) return;
  throw new Fail('DataLoss', `${subject}: the manifest's digest is ${actual}, not ${expected}`, {
    hint: 'the registry or something on the way to it altered the image: pull again, and push it again when that does not help',
  });
};

const subjectOf = (registry: Registry, identifier: string): string =>
  `registry ${registry.source.host}, repository ${registry.source.repository}, reference ${identifier}`;
