import { resolve } from 'node:path';
import type { Profile } from '../profile/profile.ts';

/**
 * Where artifacts come from on a control machine that reaches neither the release pages nor a Go module
 * proxy: BERTH_ARTIFACTS is a folder of release files, or the http(s) address of a mirror of them. The
 * profile's own `spec.artifacts` wins, so that a profile means the same on every machine.
 */
export const withArtifactSources = (profile: Profile, environment: NodeJS.ProcessEnv): Profile => {
  const place = environment['BERTH_ARTIFACTS'];
  const { source, folder, mirror } = profile.spec.artifacts;
  if (place === undefined || place === '' || source !== 'auto') return profile;
  if (folder !== undefined || mirror !== undefined) return profile;
  const added = /^https?:\/\//.test(place) ? { mirror: place } : { folder: resolve(place) };
  return {
    ...profile,
    spec: { ...profile.spec, artifacts: { ...profile.spec.artifacts, ...added } },
  };
};
