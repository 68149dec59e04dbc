import { Fail } from '../../core/fail.ts';
import { isRecord } from '../../core/is-record.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { isDigest } from '../reference.ts';
import { CONFIG_TYPES, INDEX_TYPES, layerKindOf, MANIFEST_TYPES } from './media-types.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

export interface IndexEntry extends Descriptor {
  readonly platform:
    | { readonly os: string; readonly architecture: string; readonly variant: string | undefined }
    | undefined;
}

export type Manifest =
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'index'; readonly entries: readonly IndexEntry[] };

/** An image with more layers than overlayfs can stack could not run. */
const MAX_LAYERS = 500;
const MAX_ENTRIES = 10_000;

/**
 * Parses a manifest or an index. `contentType` is what the registry said it is: document and header must agree,
 * and a document must not be both kinds at once, or two clients could see two images behind one digest
 * (CVE-2021-41190). Throws `InvalidArgument`, or `Unimplemented` for what is valid and not supported.
 */
export const parseManifest = (body: Buffer, contentType: string | undefined, subject: string): Manifest => {
  const document = parseObject(body, subject);
  const mediaType = mediaTypeOf(document, contentType, subject);
  if (INDEX_TYPES.includes(mediaType)) {
    refuseKeys(document, ['config', 'layers', 'fsLayers'], 'an index', subject);
    return {
      kind: 'index',
      entries: listIn(document, 'manifests', MAX_ENTRIES, subject).map((entry) => indexEntry(entry, subject)),
    };
  }
  refuseKeys(document, ['manifests', 'fsLayers'], 'a manifest', subject);
  const config = descriptor(document['config'], subject);
  checkConfigType(config, subject);
  const layers = listIn(document, 'layers', MAX_LAYERS, subject).map((layer) => descriptor(layer, subject));
  for (const layer of layers) checkLayerType(layer, subject);
  return { kind: 'image', config, layers };
};

const mediaTypeOf = (
  document: Record<string, unknown>,
  contentType: string | undefined,
  subject: string,
): string => {
  const header = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const own = document['mediaType'];
  if (own !== undefined && typeof own !== 'string') throw malformed(subject, 'mediaType is not a string');
  if (document['schemaVersion'] === 1 || header.includes('docker.distribution.manifest.v1')) {
    throw new Fail('Unimplemented', `${subject}: Docker schema 1 manifests are not supported`, {
      hint: 'push the image again with a current tool',
    });
  }
  if (document['schemaVersion'] !== 2) throw malformed(subject, 'schemaVersion is not 2');
  const known = [...INDEX_TYPES, ...MANIFEST_TYPES];
  if (own !== undefined && known.includes(header) && own !== header) {
    throw malformed(subject, `the registry calls it ${header}, the document calls itself ${own}`);
  }
  const mediaType = own ?? (known.includes(header) ? header : guess(document));
  if (known.includes(mediaType)) return mediaType;
  throw new Fail(
    'InvalidArgument',
    `${subject}: ${mediaType} is neither an image manifest nor an image index`,
    {
      hint: 'check that the reference names a container image',
    },
  );
};

/** OCI documents may leave their type out, and static file servers know none. */
const guess = (document: Record<string, unknown>): string =>
  ('manifests' in document ? INDEX_TYPES[0] : MANIFEST_TYPES[0]) ?? '';

const refuseKeys = (
  document: Record<string, unknown>,
  keys: readonly string[],
  kind: string,
  subject: string,
): void => {
  const found = keys.find((key) => key in document);
  if (found !== undefined) throw malformed(subject, `${kind} that also has ${found} is ambiguous`);
};

const checkConfigType = (config: Descriptor, subject: string): void => {
  if (CONFIG_TYPES.includes(config.mediaType)) return;
  throw new Fail(
    'InvalidArgument',
    `${subject}: its configuration has type ${config.mediaType}: it is an artifact, not a container image`,
    {
      hint: 'check that the reference names a container image',
    },
  );
};

const checkLayerType = (layer: Descriptor, subject: string): void => {
  switch (layerKindOf(layer.mediaType)) {
    case 'layer':
      return;
    case 'foreign':
      throw new Fail(
        'Unimplemented',
        `${subject}: layer ${layer.digest} is foreign: its bytes are not in the registry`,
        {
          hint: 'use an image whose layers may be distributed',
        },
      );
    case 'encrypted':
      throw new Fail(
        'Unimplemented',
        `${subject}: layer ${layer.digest} is encrypted, which is not supported yet`,
        {
          hint: 'use an image that is not encrypted',
        },
      );
    default:
      throw malformed(subject, `layer ${layer.digest} has the unknown type ${layer.mediaType}`);
  }
};

const indexEntry = (value: unknown, subject: string): IndexEntry => {
  const platform = isRecord(value) ? value['platform'] : undefined;
  return { ...descriptor(value, subject), platform: isRecord(platform) ? platformIn(platform) : undefined };
};

const platformIn = (platform: Record<string, unknown>): IndexEntry['platform'] => {
  const { os, architecture, variant } = platform;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return { os, architecture, variant: typeof variant === 'string' && variant !== '' ? variant : undefined };
};

const descriptor = (value: unknown, subject: string): Descriptor => {
  if (!isRecord(value)) throw malformed(subject, 'a descriptor is missing');
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== 'string') throw malformed(subject, 'a descriptor has no mediaType');
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw malformed(subject, `${JSON.stringify(digest)} is not a sha256 digest`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw malformed(subject, `the descriptor of ${digest} has no valid size`);
  }
  return { mediaType, digest, size };
};

const listIn = (
  document: Record<string, unknown>,
  key: string,
  limit: number,
  subject: string,
): readonly unknown[] => {
  const list = document[key];
  if (!Array.isArray(list)) throw malformed(subject, `${key} is not a list`);
  if (list.length > limit) throw malformed(subject, `${key} has more than ${limit} entries`);
  return list;
};

const parseObject = (body: Buffer, subject: string): Record<string, unknown> => {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw malformed(subject, 'it is not JSON', cause);
  }
  if (!isRecord(value)) throw malformed(subject, 'it is not a JSON object');
  return value;
};

const malformed = (subject: string, why: string, cause?: unknown): Fail =>
  new Fail('InvalidArgument', `${subject}: not a valid manifest: ${why}`, {
    hint: 'check that the host is a container registry, and push the image again',
    cause,
  });
