import { mountTable } from '../../linux/mounts.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { isDigest } from '../reference.ts';
import type { Layout } from './layout.ts';

/**
 * The layers that root file systems of containers are made of, which are mounted below the store's root. By the ends of
 * their paths: through an ID-mapped mount of the store layers have other names.
 */
export const mountedLayers = ({ root }: Pick<Layout, 'root'>): ReadonlySet<Digest> => {
  const layers = mountTable()
    .filter(({ type, mountPoint }) => type === 'overlay' && mountPoint.startsWith(`${root}/`))
    .flatMap(({ superOptions }) => superOptions.flatMap((option) => [...option.matchAll(LAYER)]))
    .map(([, hex]) => `sha256:${hex}`);
  return new Set(layers.filter(isDigest));
};

const LAYER = /\/layers\/([0-9a-f]{64})\/diff(?=$|:)/g;
