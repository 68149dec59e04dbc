/** OCI image specification, media-types.md, and Docker's image manifest version 2, schema 2. */
export const INDEX_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
export const CONFIG_TYPES: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

const LAYER_TYPES: readonly string[] = [
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
];

/** Layers whose bytes are elsewhere, by licence. */
const FOREIGN = /nondistributable|\.foreign\./;

export type LayerKind = 'layer' | 'foreign' | 'encrypted' | 'unknown';

export const layerKindOf = (mediaType: string): LayerKind => {
  if (FOREIGN.test(mediaType)) return 'foreign';
  if (mediaType.endsWith('+encrypted')) return 'encrypted';
  return LAYER_TYPES.includes(mediaType) ? 'layer' : 'unknown';
};
