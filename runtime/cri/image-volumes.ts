import type { ContainerFolders } from '../containers/folders.ts';
import { stageImage } from '../containers/staged-mounts.ts';
import { Fail } from '../core/fail.ts';
import type { Image } from '../images/store/image.ts';
import type { PodUsers } from '../oci/user-namespace.ts';
import type { ContainerConfig, Mount } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';

/** The image that a request names; `NotFound` unless it is on this node. */
export const requiredImage = ({ images }: Pick<Daemon, 'images'>, reference: string): Image => {
  const image = images.find(reference);
  if (image !== undefined) return image;
  throw new Fail('NotFound', `the image ${reference} is not on this node`, { hint: 'pull it first' });
};

/** An image and the mount of the container that shows it. */
export interface VolumeImage {
  readonly mount: Mount;
  readonly image: Image;
}

/** The images that the container is to have as volumes. Fails `NotFound` for one that is not on this node. */
export const volumeImages = (
  daemon: Pick<Daemon, 'images'>,
  config: ContainerConfig,
): readonly VolumeImage[] =>
  config.mounts.flatMap((mount) =>
    mount.image === undefined ? [] : [{ mount, image: requiredImage(daemon, mount.image.image) }],
  );

/** Mounts them, and gives the place of each. */
export const stageImages = (
  { images, roots }: Pick<Daemon, 'images' | 'roots'>,
  folders: ContainerFolders,
  volumes: readonly VolumeImage[],
  users: PodUsers | undefined,
): ReadonlyMap<Mount, string> =>
  new Map(
    volumes.map(({ mount, image }, index) => [
      mount,
      stageImage(folders, index, {
        containerPath: mount.containerPath,
        subPath: mount.imageSubPath,
        store: roots.root,
        folders: images.readonlyDirs(image),
        users,
      }),
    ]),
  );
