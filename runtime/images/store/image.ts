import type { Digest, OciImageConfig } from '../../spec/oci/image.ts';

/** An image in the store. Its id is the digest of its configuration. */
export interface Image {
  readonly version: 1;
  readonly id: Digest;
  /** Full names with tag, e.g. `docker.io/library/redis:alpine`. */
  readonly repoTags: readonly string[];
  /** Full names with manifest digest, e.g. `docker.io/library/redis@sha256:…`. */
  readonly repoDigests: readonly string[];
  /** Bytes of the unpacked layers and the configuration. */
  readonly sizeBytes: number;
  /** Bottom first. */
  readonly layers: readonly {
    readonly chainId: Digest;
    readonly diffId: Digest;
    readonly sizeBytes: number;
  }[];
  readonly config: OciImageConfig;
  /** Nanoseconds since the epoch, decimal. */
  readonly pulledAtNs: string;
}

/** The images on this node's disk: one writer (this process) for records, berth-pull for layers. */
export interface ImageStore {
  list(): readonly Image[];
  /** By id (whole or unique prefix of its hex), by tag, by digest, or by a short name that resolves to one. */
  find(reference: string): Image | undefined;
  /** The folders of the image's layers, top first, as overlayfs's `lowerdir` wants them. */
  lowerDirs(image: Image): readonly string[];
  /** The same for a read-only overlay, which takes two of them or more; one alone is a folder to bind. */
  readonlyDirs(image: Image): readonly string[];
  /**
   * Removes the image with all its names; layers that neither another image nor `inUse` (image ids of
   * existing containers) needs go too. Not an error when there is no such image.
   */
  remove(reference: string, inUse: ReadonlySet<Digest>): Promise<void>;
  usage(): Promise<{ readonly mountpoint: string; readonly usedBytes: number; readonly inodesUsed: number }>;
}

export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** base64 of `username:password`. */
  readonly auth?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface PullOptions {
  readonly reference: string;
  readonly auth: RegistryAuth | undefined;
  readonly signal: AbortSignal;
}

/** Pulls through berth-pull and records the image. Two pulls of one reference at the same time are one. */
export type PullImage = (options: PullOptions) => Promise<Image>;
