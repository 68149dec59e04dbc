import type { Image } from '../images/store/image.ts';
import type { ListImagesRequest, StreamImagesRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { imageView } from './image-view.ts';

export const listImages = async (daemon: Daemon, request: ListImagesRequest) => ({
  images: selectImages(daemon, request.filter?.image?.image ?? '').map((image) =>
    imageView(image, daemon.config.pauseImage),
  ),
});

/** The same list in messages of bounded size. */
export async function* streamImages(daemon: Daemon, request: StreamImagesRequest) {
  const images = selectImages(daemon, request.filter?.image?.image ?? '');
  for (let from = 0; from < images.length; from += IMAGES_PER_MESSAGE)
    yield {
      images: images
        .slice(from, from + IMAGES_PER_MESSAGE)
        .map((image) => imageView(image, daemon.config.pauseImage)),
    };
}

const IMAGES_PER_MESSAGE = 100;

const selectImages = ({ images }: Daemon, reference: string): readonly Image[] => {
  if (reference === '') return images.list();
  const image = images.find(reference);
  return image === undefined ? [] : [image];
};
