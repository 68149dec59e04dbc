import type { Resource } from '../resources/resource.ts';
import { type Given, rendered } from './concern.ts';
import { shim } from './engines.ts';
import { everyPlace, placesOn } from './places.ts';

const daemon = 'berthd.service';
const unitFile = (unit: string): string => `/etc/systemd/system/${unit}`;

/**
 * The files of a release that each program runs, the shim's child berth-pull included: a release that
 * changes none of them restarts nothing.
 */
const runs = {
  [shim]: ['node', 'koffi.node', 'berth-shim.mjs', 'berth-pull.mjs'],
  [daemon]: ['node', 'koffi.node', 'berthd.mjs'],
};

/** Folders with configuration of ours; the shim has no more than the way to registries. */
const reads = {
  [shim]: ['/etc/berth/'],
  [daemon]: [
    '/etc/berth/',
    '/etc/crio/',
    '/etc/containers/registries.conf.d/',
    '/etc/containers/registries.d/',
    '/etc/cni/net.d/',
  ],
};

export const berthAsks = () => ({
  files: [...everyPlace('launcher'), unitFile(shim), unitFile(daemon)],
  units: [shim, daemon],
});

/** berth's own runtime: its release, and the services that run it. */
export function berthResources({ facts, supplies, render }: Given): Resource[] {
  const { releases: root, launcher } = placesOn(facts);
  const { version } = supplies.release;
  const unit = (name: typeof shim | typeof daemon): Resource => ({
    kind: 'unit',
    name,
    file: unitFile(name),
    runs: { root, version, files: runs[name] },
    reads: reads[name],
  });
  return [
    { kind: 'release', root, version, files: supplies.release.files, readBy: runs },
    {
      kind: 'file',
      path: launcher,
      content: { kind: 'text', text: render('/usr/bin/berthd', { root }, launcher) },
      mode: 0o755,
    },
    rendered(render, unitFile(shim), { root }, { readBy: [shim] }),
    rendered(render, unitFile(daemon), { root }, { readBy: [daemon] }),
    unit(shim),
    unit(daemon),
  ];
}
