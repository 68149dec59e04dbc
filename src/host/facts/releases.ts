import { type FileFact, parseFiles } from './files.ts';
import { type Lines, linesOf } from './lines.ts';

export interface ReleaseFacts {
  /** Where the `current` link points, as it is written; undefined when there is none. */
  readonly current: string | undefined;
  /** Files of each release folder, by version and name. */
  readonly releases: ReadonlyMap<string, ReadonlyMap<string, FileFact>>;
}

export function parseReleases(lines: Lines, root: string): ReleaseFacts {
  const releases = new Map<string, Map<string, FileFact>>();
  for (const [path, fact] of parseFiles(lines)) {
    const [version, name] = path.slice(root.length + 1).split('/');
    if (version === undefined || name === undefined) continue;
    const files = releases.get(version) ?? new Map<string, FileFact>();
    releases.set(version, files.set(name, fact));
  }
  return { current: linesOf(lines, 'current')[0]?.[0], releases };
}
