import { Fail } from '../../core/fail.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { formatReference, isDigest, isShortName, nameOf, parseReference } from '../reference.ts';
import type { Image } from './image.ts';

/** Shorter prefixes of ids are more likely a mistake. */
const SHORTEST_PREFIX = 3;

/**
 * The image that `reference` means: an id, a name with tag or digest, a short name that fits one image only, or
 * a unique prefix of an id; in this order, since an id never parses as a name and a name may look like a prefix.
 */
export const findImage = (reference: string, images: ReadonlyMap<Digest, Image>): Image | undefined => {
  const id = /^[0-9a-f]{64}$/.test(reference) ? `sha256:${reference}` : reference;
  if (isDigest(id)) return images.get(id);
  return byName(reference, images) ?? byPrefix(reference, images);
};

const byName = (text: string, images: ReadonlyMap<Digest, Image>): Image | undefined => {
  const wanted = fullName(text);
  if (wanted === undefined) return undefined;
  for (const image of images.values()) if (namesOf(image).includes(wanted.full)) return image;
  if (!isShortName(text)) return undefined;
  return onlyOne(images, (image) => namesOf(image).some((name) => name.endsWith(wanted.suffix)));
};

/** The full name on Docker Hub's terms, and how it ends on any registry. */
const fullName = (text: string): { readonly full: string; readonly suffix: string } | undefined => {
  try {
    const reference = parseReference(text);
    const full = formatReference(reference);
    const path = reference.repository.replace(/^library\//, '');
    return { full, suffix: `/${path}${full.slice(nameOf(reference).length)}` };
  } catch (error) {
    if (error instanceof Fail && error.code === 'InvalidArgument') return undefined;
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
