import { readFile } from 'node:fs/promises';
import { Fail } from '../../core/fail.ts';
import type { Image } from './image.ts';

/**
 * Reads one record of images/ or retired/. Throws `FailedPrecondition` for a version this program does not know, and
 * `DataLoss` for one that a fault of the disk has damaged.
 */
export const readImage = async (file: string): Promise<Image> => {
  const value = parsed(await readFile(file, 'utf8'));
  if (typeof value !== 'object' || value === null || !('version' in value))
    throw new Fail('DataLoss', `${file} is damaged`, { hint: 'pull its image again' });
  if (isImage(value)) return value;
  throw new Fail('FailedPrecondition', `${file} is no image record of version 1`, {
    hint: 'run the version of berth that wrote it, or remove the file and pull the image again',
  });
};

/** Undefined for what is no JSON. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Records are written by this program alone and whole: the version vouches for the rest. */
const isImage = (value: object): value is Image =>
  'version' in value && value.version === 1 && 'layers' in value;

/** The image under one more tag and digests, pulled anew. */
export const withNames = (
  image: Image,
  names: {
    readonly tags: readonly string[];
    readonly digests: readonly string[];
    readonly pulledAtNs: string;
  },
): Image => ({
  ...image,
  repoTags: union(image.repoTags, names.tags),
  repoDigests: union(image.repoDigests, names.digests),
  pulledAtNs: names.pulledAtNs,
});

export const withoutTags = (image: Image, tags: readonly string[]): Image => ({
  ...image,
  repoTags: image.repoTags.filter((tag) => !tags.includes(tag)),
});

const union = (some: readonly string[], more: readonly string[]): readonly string[] => [
  ...new Set([...some, ...more]),
];
