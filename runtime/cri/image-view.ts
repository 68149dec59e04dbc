import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Image } from '../images/store/image.ts';
import type { ImageSchema } from '../spec/cri/api_pb.js';

export const imageView = (image: Image, pauseImage: string): MessageInitShape<typeof ImageSchema> => ({
  id: image.id,
  repoTags: [...image.repoTags],
  repoDigests: [...image.repoDigests],
  size: BigInt(image.sizeBytes),
  ...userOf(image.config.config?.User ?? ''),
  // The kubelet's garbage collection must not take the pause image from under pods that share processes.
  pinned: image.repoTags.includes(pauseImage) || image.repoDigests.includes(pauseImage),
});

/** The image's user without its group, as CRI wants it: a number or a name. */
const userOf = (user: string): { uid?: { value: bigint }; username?: string } => {
  const name = user.split(':', 1)[0] ?? '';
  if (name === '') return {};
  return /^\d+$/.test(name) ? { uid: { value: BigInt(name) } } : { username: name };
};
