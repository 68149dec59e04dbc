import type { Resource } from '../resources/resource.ts';
import { type Concern, rendered } from './concern.ts';
import { everyPlace, placesOn } from './places.ts';
import { loginsFileOf } from './registry-logins.ts';

const config = '/etc/crio/crio.conf.d/10-berth.conf';
const shim = 'berth-shim.service';
export const daemon = 'berthd.service';
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
  [daemon]: ['/etc/berth/', '/etc/crio/', '/etc/containers/registries.conf.d/', '/etc/cni/net.d/'],
};

export const engineBerth: Concern = {
  asks: () => ({
    files: [config, ...everyPlace('launcher'), unitFile(shim), unitFile(daemon)],
    units: [shim, daemon],
  }),
  resources: ({ spec, facts, supplies, render }) => {
    const { releases: root, launcher } = placesOn(facts);
    const { version } = supplies.release;
    const unit = (name: typeof shim | typeof daemon): Resource => ({
      kind: 'unit',
      name,
      file: unitFile(name),
      runs: { root, version, files: runs[name] },
      reads: reads[name],
    });
    return {
      resources: [
        { kind: 'release', root, version, files: supplies.release.files, readBy: runs },
        rendered(
          render,
          config,
          {
            defaultRuntime: spec.ociRuntimes[0]?.name ?? 'runc',
            runtimes: spec.ociRuntimes.map((runtime) => runtime.name),
            defaultNetwork: spec.cni.networks[0]?.name ?? '',
            pluginDirs: spec.cni.pluginDirs,
            globalAuthFile: loginsFileOf(spec.registries.auth),
          },
          { readBy: [daemon] },
        ),
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
      ],
    };
  },
};
