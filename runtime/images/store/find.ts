import { Fail } from '../../core/fail.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { formatReference, type ImageReference, isDigest, isShortName, parseReference } from '../reference.ts';
import type { Image } from './image.ts';

/** Shorter prefixes of ids are more likely a mistake. */
const SHORTEST_PREFIX = 3;

/**
 * The image that `reference` means: an id, a name with tag or digest, or a unique prefix of an id; in this order, since an
 * id never parses as a name and a name may look like a prefix. A short name is one of `meant`, and no other that ends like
 * it: else an image of any registry would run where one of another was asked for, and past what policy.json asks of that.
 */
export const findImage = (
  reference: string,
  images: ReadonlyMap<Digest, Image>,
  meant: NamesMeant,
): Image | undefined => {
  const id = /^[0-9a-f]{64}$/.test(reference) ? `sha256:${reference}` : reference;
  if (isDigest(id)) return images.get(id);
  return byName(reference, images, meant) ?? byPrefix(reference, images);
};

/** The full references that a short name may mean, the first one first. */
export type NamesMeant = (shortName: string) => readonly ImageReference[];

const byName = (text: string, images: ReadonlyMap<Digest, Image>, meant: NamesMeant): Image | undefined => {
  for (const reference of parsed(text, meant)) {
    const name = formatReference(reference);
    for (const image of images.values()) if (namesOf(image).includes(name)) return image;
  }
  return undefined;
};

/** None where `text` is no reference. */
const parsed = (text: string, meant: NamesMeant): readonly ImageReference[] => {
  try {
    return isShortName(text) ? meant(text) : [parseReference(text)];
  } catch (error) {
    if (error instanceof Fail && error.code === 'InvalidArgument') return [];
    throw error;
  }
};

const byPrefix = (text: string, images: ReadonlyMap<Digest, Image>): Image | undefined => {
  const hex = text.replace(/^sha256:/, '');
  if (hex.length < SHORTEST_PREFIX || !/^[0-9a-f]+$/.test(hex)) return undefined;
  return onlyOne(images, (image) => image.id.startsWith(`sha256:${hex}`));
};

const onlyOne = (images: ReadonlyMap<Digest, Image>, fits: (image: Image) => boolean): Image | undefined => {
  const found = [...images.values()].filter(fits);
  return found.length === 1 ? found[0] : undefined;
};

const namesOf = (image: Image): readonly string[] => [...image.repoTags, ...image.repoDigests];
