import type { FileFact } from '../host/facts/files.ts';
import type { FileBefore } from '../host/facts/install.ts';
import { objectPath } from '../host/script/state.ts';
import type { Change, Step } from './change.ts';
import { unifiedDiff } from './diff.ts';
import { isOfRelease, type WayBack } from './way-back.ts';

interface FileRecord {
  readonly path: string;
  readonly before: FileBefore;
}

/** Files and links as they were, what was touched last first. The files of a release are one change. */
export function putBackFiles(
  records: readonly FileRecord[],
  disturbed: ReadonlySet<string>,
  way: WayBack,
): { changes: Change[]; notes: string[] } {
  const stale = disturbed.size > 0 ? { makesStale: [...disturbed] } : {};
  const changes: Change[] = [];
  const notes: string[] = [];
  const releases = new Map<string, FileRecord[]>();
  for (const record of records.toReversed()) {
    const now = factAt(record.path, way);
    if (isSame(record.before, now)) continue;
    if (record.before.kind === 'file' && !way.history.objects.has(record.before.sha256)) {
      notes.push(`${record.path} stays as it is: what it was before is not kept on the host`);
      continue;
    }
    const version = releaseOf(record.path, way);
    if (version === undefined) changes.push({ ...putBack(record, now, way), ...stale });
    else releases.set(version, [...(releases.get(version) ?? []), record]);
  }
  const ofReleases = [...releases].map(([version, files]) => putBackRelease(version, files, way));
  // A release is there before the link names it, and goes after that.
  return {
    changes: [
      ...ofReleases.filter(({ action }) => action === 'create'),
      ...changes,
      ...ofReleases.filter(({ action }) => action === 'delete'),
    ],
    notes,
  };
}

/** Undefined: the file belongs to no release folder; the link to the current one is such a file. */
function releaseOf(path: string, { release }: WayBack): string | undefined {
  if (!isOfRelease(path, release)) return undefined;
  const [version, name] = path.slice(release.root.length + 1).split('/');
  return name === undefined ? undefined : version;
}

function factAt(path: string, way: WayBack): FileFact {
  const { facts, release } = way;
  if (path === `${release.root}/current`)
    return facts.releases.current === undefined
      ? { kind: 'absent' }
      : { kind: 'link', target: facts.releases.current };
  const version = releaseOf(path, way);
  if (version === undefined) return facts.files.get(path) ?? { kind: 'absent' };
  const name = path.slice(release.root.length + version.length + 2);
  return facts.releases.releases.get(version)?.get(name) ?? { kind: 'absent' };
}

function isSame(before: FileBefore, now: FileFact): boolean {
  switch (before.kind) {
    case 'absent':
      return now.kind === 'absent';
    case 'link':
      return now.kind === 'link' && now.target === before.target;
    case 'file':
      return (
        now.kind === 'file' &&
        now.sha256 === before.sha256 &&
        now.mode === before.mode &&
        now.owner === before.owner
      );
  }
}

function putBack({ path, before }: FileRecord, now: FileFact, way: WayBack): Change {
  const id = `file:${path}`;
  const steps = [stepFor(path, before)];
  const changed = changedSince(path, now, way);
  const reason = changed ? { reason: 'it was changed since berth wrote it' } : {};
  switch (before.kind) {
    case 'absent':
      return {
        id,
        action: 'delete',
        summary: `delete ${path}`,
        ...diffOf(path, before, now, way),
        ...reason,
        steps,
      };
    case 'link': {
      const from = now.kind === 'link' ? ` (was ${now.target})` : '';
      return {
        id,
        action: 'update',
        summary: `link ${path} to ${before.target} again${from}`,
        ...reason,
        steps,
      };
    }
    case 'file':
      return {
        id,
        action: now.kind === 'absent' ? 'create' : 'update',
        summary: `put ${path} back as it was`,
        ...diffOf(path, before, now, way),
        ...reason,
        steps,
      };
  }
}

const changedSince = (path: string, now: FileFact, { facts }: WayBack): boolean => {
  const wrote = facts.install.applied.get(path);
  return now.kind === 'file' && wrote !== undefined && wrote !== now.sha256;
};

function stepFor(path: string, before: FileBefore): Step {
  switch (before.kind) {
    case 'absent':
      return { kind: 'delete', path };
    case 'link':
      return { kind: 'link', path, target: before.target };
    case 'file': {
      const { sha256, mode, owner } = before;
      return { kind: 'copy', from: objectPath(sha256), path, sha256, mode, owner };
    }
  }
}

/** What not everybody may read may hold a secret: a rollback knows no more of it. The probe judges alike. */
const isPrivate = (file: { readonly kind: string; readonly mode?: number }): boolean =>
  file.kind === 'file' && ((file.mode ?? 0) & 0o004) === 0;

function diffOf(path: string, before: FileBefore, now: FileFact, { history }: WayBack): { diff?: string } {
  if (isPrivate(before) || isPrivate(now)) return {};
  const old = before.kind === 'file' ? history.objects.get(before.sha256) : undefined;
  const text = now.kind === 'file' ? now.text : undefined;
  if ((before.kind === 'file' && old === undefined) || (now.kind === 'file' && text === undefined)) return {};
  return old === text ? {} : { diff: unifiedDiff(path, text, old) };
}

function putBackRelease(version: string, files: readonly FileRecord[], { release }: WayBack): Change {
  const folder = `${release.root}/${version}`;
  const goes = files.every(({ before }) => before.kind === 'absent');
  const steps = files.map(({ path, before }) => stepFor(path, before));
  return {
    id: `release:${version}`,
    action: goes ? 'delete' : 'create',
    summary: goes ? `delete the release ${version}` : `bring the release ${version} back`,
    steps: goes ? [...steps, { kind: 'delete', path: folder }] : steps,
  };
}
