import type { Facts } from '../host/facts/probe.ts';
import type { Change, Step } from './change.ts';

/** Room for a text file, its temporary twin and what it replaces. */
const smallFileBytes = 64 * 1024;

/** What the packages of a node and their dependencies take, downloaded and unpacked, with room to spare. */
const packageBytes = { '/var': 64 * 1024 * 1024, '/usr': 192 * 1024 * 1024 } as const;

/**
 * The space that must be free before the first step, by file system: an apply that cannot end for lack of
 * space does not begin.
 */
export function spaceNeeds(
  changes: readonly Change[],
  facts: Facts,
): { readonly folder: string; readonly bytes: number }[] {
  const needs = new Map<string, number>();
  const add = (folder: string, bytes: number) => {
    const place = facts.disks.get(folder)?.mountPoint ?? folder;
    needs.set(place, (needs.get(place) ?? 0) + bytes);
  };
  for (const change of changes) {
    for (const step of change.steps) {
      const bytes = bytesOf(step);
      if (bytes > 0 && 'path' in step) add(placeOf(step.path, facts), bytes);
    }
    if (change.bringsPackages) {
      for (const [folder, bytes] of Object.entries(packageBytes)) add(folder, bytes);
    }
  }
  return [...needs].map(([folder, bytes]) => ({ folder, bytes }));
}

function bytesOf(step: Step): number {
  if (step.kind !== 'write' && step.kind !== 'stage') return 0;
  return step.content.kind === 'local-file' ? step.content.bytes + smallFileBytes : smallFileBytes;
}

/** The longest of the probed folders that holds the path. */
const placeOf = (path: string, { disks }: Facts): string =>
  [...disks.keys()]
    .filter((folder) => path.startsWith(`${folder}/`))
    .reduce((longest, folder) => (folder.length > longest.length ? folder : longest), '/');
