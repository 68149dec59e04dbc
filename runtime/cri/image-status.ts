import { Fail } from '../core/fail.ts';
import type { ImageStatusRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { imageView } from './image-view.ts';

/** An image that is not there is an empty answer, not an error. */
export const imageStatus = async ({ images, config }: Daemon, request: ImageStatusRequest) => {
  const reference = request.image?.image ?? '';
  if (reference === '') throw new Fail('InvalidArgument', 'ImageStatus needs image.image');
  const image = images.find(reference);
  if (image === undefined) return {};
  return {
    image: imageView(image, config.pauseImage),
    info: request.verbose
      ? {
          info: JSON.stringify({
            imageSpec: image.config,
            layers: image.layers,
            pulledAt: new Date(Number(BigInt(image.pulledAtNs) / 1_000_000n)).toISOString(),
          }),
        }
      : {},
  };
};
