import { readFile } from 'node:fs/promises';
import { Fail } from '../../core/fail.ts';
import type { Image } from './image.ts';

/** Reads one record of images/ or retired/. Throws `FailedPrecondition` for a version this program does not know. */
export const readImage = async (file: string): Promise<Image> => {
  const value: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (isImage(value)) return value;
  throw new Fail('FailedPrecondition', `${file} is no image record of version 1`, {
    hint: 'run the version of berth that wrote it, or remove the file and pull the image again',
  });
};

/** Records are written by this program alone and whole: the version vouches for the rest. */
const isImage = (value: unknown): value is Image =>
  typeof value === 'object' &&
  value !== null &&
  'version' in value &&
  value.version === 1 &&
  'layers' in value;

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
