/** Where artifacts may come from: `spec.artifacts` of the profile. */
export interface ArtifactSources {
  /** `auto`: folder, then mirror, then release address, then `go install`. */
  readonly source: 'auto' | 'release' | 'mirror' | 'folder' | 'go';
  readonly mirror: string | undefined;
  readonly folder: string | undefined;
}
