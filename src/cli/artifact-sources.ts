import { resolve } from 'node:path';
import type { Profile, Spec } from '../profile/profile.ts';

/**
 * Where artifacts come from on a control machine that reaches neither the release pages nor a Go module
 * proxy: BERTH_ARTIFACTS is a folder of release files, or the http(s) address of a mirror of them. The
 * profile's own `spec.artifacts` wins, so that a profile means the same on every machine.
 */
export const withArtifactSources = (profile: Profile, environment: NodeJS.ProcessEnv): Profile => {
  const place = environment['BERTH_ARTIFACTS'];
  if (place === undefined || place === '') return profile;
  const added = /^https?:\/\//.test(place) ? { mirror: place } : { folder: resolve(place) };
  const withPlace = (spec: Spec): Spec => {
    const { source, folder, mirror } = spec.artifacts;
    if (source !== 'auto' || folder !== undefined || mirror !== undefined) return spec;
    return { ...spec, artifacts: { ...spec.artifacts, ...added } };
  };
  return { ...profile, hosts: profile.hosts.map((host) => ({ ...host, spec: withPlace(host.spec) })) };
};
