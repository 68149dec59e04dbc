import type { Facts } from '../host/facts/probe.ts';
import type { EngineSpec } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import { type Given, rendered } from './concern.ts';
import { crioUnitFile } from './engines.ts';
import { everyPlace, placesOn } from './places.ts';

export const crioDropIn = `${crioUnitFile}.d/10-berth.conf`;

/** The programs of CRI-O that do not come with a package. */
const programNames = ['crio', 'pinns', 'conmon'] as const;

export type CrioSource = NonNullable<EngineSpec['source']>;

export const crioSource = ({ source = 'upstream' }: EngineSpec): CrioSource => source;

const isPackaged = (engine: EngineSpec): boolean =>
  crioSource(engine) === 'packages' || crioSource(engine) === 'upstream';

export const crioAsks = () => ({
  files: [
    crioUnitFile,
    crioDropIn,
    ...everyPlace('programs').flatMap((folder) => programNames.map((name) => `${folder}/${name}`)),
  ],
  units: ['crio.service'],
});

/** Where its own programs lie; undefined: a package put them where CRI-O looks. */
export const crioPrograms = (engine: EngineSpec, facts: Facts): string | undefined =>
  isPackaged(engine) ? undefined : placesOn(facts).programs;

/** The program of CRI-O that monitors containers; undefined: the one that is in the PATH. */
export function monitorPath(engine: EngineSpec, facts: Facts): string | undefined {
  const source = crioSource(engine);
  if (source === 'static') return `${placesOn(facts).programs}/conmon`;
  // The project's packages bring one for CRI-O alone.
  return source === 'upstream' ? '/usr/libexec/crio/conmon' : undefined;
}

/** CRI-O with its unit: that of its package, with what berth adds, or one of ours. */
export function crioResources({ spec, facts, supplies, render }: Given): Resource[] {
  const { engine } = spec;
  const folder = placesOn(facts).programs;
  const readBy = ['crio.service'];
  const programs = (supplies.artifacts.get('cri-o')?.files ?? []).map(
    ({ name, path, sha256, bytes }): Resource => ({
      kind: 'file',
      path: `${folder}/${name}`,
      content: { kind: 'local-file', path, sha256, bytes },
      mode: 0o755,
      readBy,
    }),
  );
  const file = isPackaged(engine)
    ? rendered(render, crioDropIn, {}, { readBy })
    : rendered(render, crioUnitFile, { folder }, { readBy });
  return [
    ...programs,
    file,
    {
      kind: 'unit',
      name: 'crio.service',
      file: isPackaged(engine) ? crioDropIn : crioUnitFile,
      ...(isPackaged(engine) ? { startedByPackage: true } : {}),
      reads: [
        '/etc/berth/',
        '/etc/crio/',
        '/etc/containers/registries.conf.d/',
        '/etc/containers/registries.d/',
        '/etc/cni/net.d/',
      ],
    },
  ];
}
