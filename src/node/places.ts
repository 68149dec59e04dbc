import type { Facts } from '../host/facts/probe.ts';

/** Where the things of a node lie that are neither configuration nor state: this file alone decides it. */
export interface Places {
  /** The folder of release folders. */
  readonly releases: string;
  /** The daemon by hand. */
  readonly launcher: string;
  readonly crictl: string;
  readonly masquerade: string;
  /** The folder of programs of an engine, of OCI runtimes and of Kubernetes that no package brings. */
  readonly programs: string;
  /** The folder of CNI plugins that no package brings. */
  readonly plugins: string;
}

const ordinary: Places = {
  releases: '/usr/lib/berth',
  launcher: '/usr/bin/berthd',
  // Outside the package manager's folders, and in sudo's secure_path on every distribution that we know.
  crictl: '/usr/local/bin/crictl',
  masquerade: '/usr/libexec/berth-masquerade',
  programs: '/usr/local/bin',
  plugins: '/opt/cni/bin',
};

/**
 * Hosts whose /usr is part of an image: everything of ours goes where they keep what changes. /opt leads to /var/opt on
 * most of them, and is part of the image on others.
 */
const ownFolder = '/var/opt/berth';
const inVar: Places = {
  releases: `${ownFolder}/releases`,
  launcher: `${ownFolder}/bin/berthd`,
  crictl: `${ownFolder}/bin/crictl`,
  masquerade: `${ownFolder}/libexec/berth-masquerade`,
  programs: `${ownFolder}/bin`,
  plugins: '/var/opt/cni/bin',
};

/** Fedora CoreOS and its relatives lead /usr/local to /var. */
const inVarAndLocal: Places = { ...inVar, launcher: '/usr/local/bin/berthd', crictl: ordinary.crictl };

/** All that there are, for the questions that are asked before the host is known. */
export const allPlaces: readonly Places[] = [ordinary, inVar, inVarAndLocal];

export const everyPlace = (of: keyof Places): string[] => [...new Set(allPlaces.map((places) => places[of]))];

export function placesOn({ system: { readOnly } }: Pick<Facts, 'system'>): Places {
  if (!readOnly.has('/usr')) return ordinary;
  return readOnly.has('/usr/local') ? inVar : inVarAndLocal;
}
