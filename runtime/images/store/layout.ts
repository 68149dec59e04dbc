import { join } from 'node:path';
import type { Digest } from '../../spec/oci/image.ts';
import { hexOf } from '../reference.ts';

/**
 * The store on disk, below the configured root:
 *   layers/<chain id>/diff        an unpacked layer, an overlayfs lower directory; complete or absent
 *   layers/<chain id>/layer.json  LayerRecord
 *   images/<image id>.json        Image
 *   retired/<image id>.json       Image without names that containers still use
 *   staging/<owner>/…             being made or being removed; garbage once its owner process has ended
 *   empty                         the one layer of an image that has none
 */
export interface Layout {
  readonly root: string;
  readonly layers: string;
  readonly images: string;
  readonly retired: string;
  readonly staging: string;
  readonly empty: string;
}

export const layoutOf = (root: string): Layout => ({
  root,
  layers: join(root, 'layers'),
  images: join(root, 'images'),
  retired: join(root, 'retired'),
  staging: join(root, 'staging'),
  empty: join(root, 'empty'),
});

export const layerFolder = (layout: Layout, chainId: Digest): string => join(layout.layers, hexOf(chainId));

/** The lower directory in a layer's folder, staged or in place. */
export const diffIn = (folder: string): string => join(folder, 'diff');

export const recordIn = (folder: string): string => join(folder, 'layer.json');
