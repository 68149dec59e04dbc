import { artifactSpecs } from '../artifacts/pins.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import type { Concern } from './concern.ts';
import { everyPlace, placesOn } from './places.ts';

/** Folders that plugins are looked for in: those that berth put there are found first. */
export function pluginDirsOn({ cni: { plugins, pluginDirs } }: Spec, facts: Facts): string[] {
  const own = plugins.source === 'package' ? [] : [placesOn(facts).plugins];
  return [...new Set([...own, ...pluginDirs])];
}

const { programs } = artifactSpecs['cni-plugins'];
const names = programs === undefined || programs === '*' ? [] : programs;

/** Plugins of a release, or built from source; those of the distribution come with its package. */
export const cniPlugins: Concern = {
  asks: ({ cni: { plugins } }) =>
    plugins.source === 'package'
      ? {}
      : { files: everyPlace('plugins').flatMap((folder) => names.map((name) => `${folder}/${name}`)) },
  resources: ({ facts, supplies }) => ({
    resources: (supplies.artifacts.get('cni-plugins')?.files ?? []).map(
      ({ name, path, sha256, bytes }): Resource => ({
        kind: 'file',
        path: `${placesOn(facts).plugins}/${name}`,
        content: { kind: 'local-file', path, sha256, bytes },
        mode: 0o755,
      }),
    ),
  }),
};
