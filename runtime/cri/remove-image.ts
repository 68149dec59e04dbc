import { Fail } from '../core/fail.ts';
import type { RemoveImageRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import type { Call } from './transport.ts';

/** One name removed is the image removed, with all its names. An image that is not there is fine. */
export const removeImage = async (daemon: Daemon, request: RemoveImageRequest, call: Call) => {
  const reference = request.image?.image ?? '';
  if (reference === '') throw new Fail('InvalidArgument', 'RemoveImage needs image.image');
  const inUse = new Set(
    daemon.containers.list().flatMap(({ imageId, imageVolumes = [] }) => [imageId, ...imageVolumes]),
  );
  await daemon.images.remove(reference, inUse);
  call.log.info('image removed', { image: reference });
  return {};
};
