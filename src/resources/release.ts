import { byteSize } from '../core/text.ts';
import type { FileFact } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change, Step } from './change.ts';
import type { ReleaseFile, ReleaseResource } from './resource.ts';

/**
 * A release is complete before the `current` link names it. Bytes that lie in another release on the host
 * are not sent again: an upgrade sends what changed.
 */
export function planRelease(release: ReleaseResource, facts: Facts): Change[] {
  return [...planFiles(release, facts), ...planCurrent(release, facts), ...planOld(release, facts)];
}

const isThere = (file: ReleaseFile, now: FileFact | undefined): boolean =>
  now?.kind === 'file' && now.sha256 === file.sha256 && now.mode === file.mode;

function planFiles(release: ReleaseResource, facts: Facts): Change[] {
  const { root, version, files } = release;
  const there = facts.releases.releases.get(version);
  const lacking = files.filter((file) => !isThere(file, there?.get(file.name)));
  if (lacking.length === 0) return [];
  const steps = lacking.map((file) => bringFile(root, version, file, facts));
  const sent = lacking.filter((_, index) => steps[index]?.kind === 'write');
  const bytes = sent.reduce((sum, file) => sum + file.bytes, 0);
  const known = lacking.filter((file) => !sent.includes(file)).map((file) => file.name);
  const stale = runningOthers(release, facts);
  return [
    {
      id: `release:${version}`,
      action: 'upload',
      summary: `upload berth ${version} (${byteSize(bytes)})`,
      ...(known.length > 0
        ? { reason: `${known.join(', ')}: the host has the same from another release` }
        : {}),
      ...(stale.length > 0 ? { makesStale: stale } : {}),
      steps,
    },
  ];
}

/** Units that run this very release from files that are damaged: the right bytes on disk do not reach them by themselves. */
function runningOthers(
  { root, version, files, readBy }: ReleaseResource,
  { releases, units }: Facts,
): string[] {
  const there = releases.releases.get(version);
  const damaged = files.flatMap(({ name, sha256 }) => {
    const now = there?.get(name);
    return now?.kind === 'file' && now.sha256 === sha256 ? [] : [name];
  });
  return Object.entries(readBy ?? {}).flatMap(([unit, names]) => {
    const runsIt = units.get(unit)?.mainProcess?.executable.startsWith(`${root}/${version}/`) ?? false;
    return runsIt && names.some((name) => damaged.includes(name)) ? [unit] : [];
  });
}

function bringFile(root: string, version: string, file: ReleaseFile, facts: Facts): Step {
  const path = `${root}/${version}/${file.name}`;
  const { sha256, bytes, mode } = file;
  const from = findOnHost(file, facts);
  if (from !== undefined) return { kind: 'copy', from: `${root}/${from}`, path, sha256, mode };
  return { kind: 'write', path, content: { kind: 'local-file', path: file.path, sha256, bytes }, mode };
}

function findOnHost(file: ReleaseFile, { releases }: Facts): string | undefined {
  for (const [version, files] of releases.releases) {
    for (const [name, fact] of files) {
      if (fact.kind === 'file' && fact.sha256 === file.sha256) return `${version}/${name}`;
    }
  }
  return undefined;
}

function planCurrent({ root, version }: ReleaseResource, { releases }: Facts): Change[] {
  if (releases.current === version) return [];
  return [
    {
      id: `link:${root}/current`,
      action: releases.current === undefined ? 'create' : 'update',
      summary:
        releases.current === undefined
          ? `make berth ${version} the current release`
          : `make berth ${version} the current release (was ${releases.current})`,
      steps: [{ kind: 'link', path: `${root}/current`, target: version }],
    },
  ];
}

/** The release that was current stays, for the way back, and one that a service runs; others go when it changes. */
function planOld({ root, version }: ReleaseResource, { releases, units }: Facts): Change[] {
  if (releases.current === undefined || releases.current === version) return [];
  const running = [...units.values()].map(({ mainProcess }) => mainProcess?.executable ?? '');
  const isUsed = (old: string) => running.some((executable) => executable.startsWith(`${root}/${old}/`));
  return [...releases.releases.keys()]
    .filter((old) => old !== version && old !== releases.current && !isUsed(old))
    .map((old) => ({
      id: `release:${old}`,
      action: 'delete',
      summary: `delete the old release ${old}`,
      steps: [{ kind: 'delete', path: `${root}/${old}`, recursive: 'kept' }],
    }));
}
