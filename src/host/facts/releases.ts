import { type FileFact, parseFiles } from './files.ts';
import { fieldOf, type Lines, linesOf } from './lines.ts';

export interface ReleaseFacts {
  /** The folder that holds them on this host. */
  readonly root: string;
  /** Where the `current` link points, as it is written; undefined when there is none. */
  readonly current: string | undefined;
  /** Files of each release folder, by version and name. */
  readonly releases: ReadonlyMap<string, ReadonlyMap<string, FileFact>>;
}

export function parseReleases(lines: Lines): ReleaseFacts {
  const root = fieldOf(lines, 'root');
  const releases = new Map<string, Map<string, FileFact>>();
  for (const [path, fact] of parseFiles(lines)) {
    const [version, name] = path.slice(root.length + 1).split('/');
    if (version === undefined || name === undefined) continue;
    const files = releases.get(version) ?? new Map<string, FileFact>();
    releases.set(version, files.set(name, fact));
  }
  return { root, current: linesOf(lines, 'current')[0]?.[0], releases };
}
