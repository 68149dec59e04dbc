import { type FileFact, fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Resource } from './resource.ts';

/** What a unit reads when it starts, and what lies there now. */
export type ReadFile = { readonly path: string; readonly now: FileFact | undefined };

export const filesReadBy = (unit: string, resources: readonly Resource[], facts: Facts): ReadFile[] =>
  resources.flatMap((resource) => {
    if (resource.kind === 'file')
      return resource.readBy?.includes(unit)
        ? [{ path: resource.path, now: fileAt(facts.files, resource.path) }]
        : [];
    if (resource.kind !== 'release') return [];
    const { root, version } = resource;
    const there = facts.releases.releases.get(version);
    return (resource.readBy?.[unit] ?? []).map((name) => ({
      path: `${root}/${version}/${name}`,
      now: there?.get(name),
    }));
  });

/**
 * Whether the process of a unit read something older than what lies there now. Two witnesses: the mark that berth
 * leaves on the host with each change until the restart, and the time stamps of files that somebody else wrote.
 * A start later than both clears the unit, whoever started it.
 */
export function runsWithOlder(unit: string, reads: readonly ReadFile[], facts: Facts): boolean {
  const startedAt = facts.units.get(unit)?.startedAt;
  const marked = facts.install.stale.has(unit);
  if (startedAt === undefined) return marked;
  const files = reads.flatMap(({ path, now }) =>
    now?.kind === 'file' && now.changedAt !== undefined
      ? [{ path, changedAt: now.changedAt, sha256: now.sha256 }]
      : [],
  );
  if (marked) {
    const since = facts.install.staleSince.get(unit) ?? Number.POSITIVE_INFINITY;
    // Within the same second nobody can tell which was first.
    return Math.max(since, ...files.map(({ changedAt }) => changedAt)) >= startedAt;
  }
  return files.some(
    ({ path, changedAt, sha256 }) =>
      changedAt > startedAt &&
      // What berth wrote last is there: its own changes leave marks, and another mode or name is no other content.
      facts.install.applied.get(path) !== sha256 &&
      // Written under a clock that was ahead: no restart would ever be late enough.
      changedAt <= (facts.clock ?? Number.POSITIVE_INFINITY),
  );
}
