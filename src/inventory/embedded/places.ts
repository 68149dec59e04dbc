import { join } from 'node:path';

/** Everything that embedded hosts put on this machine lies in this one folder. */
export const embeddedFolder = (): string =>
  process.env['BERTH_QUICKSTART_FOLDER'] ?? '/var/lib/berth-quickstart';

/** The names by which one host's traces on the machine are found again, also after a crash. */
export interface HostPlaces {
  readonly folder: string;
  /** Names the bridge, the cgroups and the unit: 15 characters are the most that a link's name may have. */
  readonly title: string;
  /** This machine's end of the wire to the host. */
  readonly link: string;
  readonly identity: string;
  readonly knownHosts: string;
  readonly console: string;
  readonly upper: string;
  readonly work: string;
  readonly root: string;
  readonly store: string;
  /** Holds the proxy's socket; bound into the host. */
  readonly proxy: string;
}

export function placesOf(folder: string, name: string): HostPlaces {
  const host = join(folder, 'hosts', name);
  return {
    folder: host,
    title: `berth-${name}`,
    link: `bv-${name}`,
    identity: join(host, 'id'),
    knownHosts: join(host, 'known_hosts'),
    console: join(host, 'console.log'),
    upper: join(host, 'upper'),
    work: join(host, 'work'),
    root: join(host, 'root'),
    store: join(host, 'store'),
    proxy: join(host, 'proxy'),
  };
}

export const addressInside = (network: string): string => `${network}.2`;
export const addressOutside = (network: string): string => `${network}.1`;

export interface EmbeddedOptions {
  /** Everything of all embedded hosts is below this folder. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Folders laid over the common root file system, the topmost first: another distribution, say. */
  readonly layers?: readonly string[];
}
