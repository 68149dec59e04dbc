import { mountTable, unmount } from '../../runtime/linux/mounts.ts';

/** Takes away all that is mounted at `folder` and below, the newest first; what is shared may take others along. */
export const unmountBelow = (folder: string): void => {
  const newest = () =>
    mountTable().findLast(({ mountPoint }) => `${mountPoint}/`.startsWith(`${folder}/`))?.mountPoint;
  for (let place = newest(); place !== undefined; place = newest()) unmount(place, { detach: true });
};
