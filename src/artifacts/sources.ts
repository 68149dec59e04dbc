import type { Architecture } from './pins.ts';

/** Where artifacts may come from: `spec.artifacts` of the profile, and what it says of one artifact alone. */
export interface ArtifactSources {
  /** `auto`: folder, then mirror, then release address, then `go install`. */
  readonly source: 'auto' | 'release' | 'mirror' | 'folder' | 'go';
  readonly mirror: string | undefined;
  readonly folder: string | undefined;
  /** The profile's own pin of the release's file. */
  readonly sha256?: Partial<Record<Architecture, string>>;
  /** False: `auto` ends where the releases end. */
  readonly built?: boolean;
  /** Build tags in place of the usual ones. */
  readonly tags?: readonly string[];
}
