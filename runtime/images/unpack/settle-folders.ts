import { chmodSync, lchownSync, lstatSync, type Stats, utimesSync } from 'node:fs';
import { osPath, parentOf } from './entry-path.ts';

/**
 * Folders that a layer needs and does not describe take the attributes they have in the layers below: an
 * overlayfs shows a merged folder with the attributes of its uppermost layer. `lower` is top first.
 */
export const settleFolders = (diff: string, folders: readonly string[], lower: readonly string[]): void => {
  for (const folder of folders) {
    const below = lower.map((layer) => statIn(layer, folder)).find((stat) => stat !== undefined);
    if (below?.isDirectory()) copyAttributes(below, osPath(`${diff}/${folder}`));
  }
};

/** What the layer has at `path`, never looking through a symbolic link: it could lead out of the layer. */
const statIn = (layer: string, path: string): Stats | undefined => {
  if (path !== '' && !statIn(layer, parentOf(path))?.isDirectory()) return undefined;
  return lstatSync(osPath(`${layer}/${path}`), { throwIfNoEntry: false });
};

const copyAttributes = (from: Stats, path: string | Buffer): void => {
  lchownSync(path, from.uid, from.gid);
  chmodSync(path, from.mode & 0o7777);
  utimesSync(path, from.atimeMs / 1000, from.mtimeMs / 1000);
};
