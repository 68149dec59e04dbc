import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from './machine.ts';

/** The folders in which every process of the host `title` lives, and no other process. */
export function cgroupsOf(title: string, machine: Machine): string[] {
  return machine.cgroups.kind === 'unit'
    ? [`/sys/fs/cgroup/system.slice/${title}.service`]
    : machine.cgroups.hierarchies.map((hierarchy) => join(hierarchy, title));
}

/** Every process in these cgroups and below: found without any remembered pid, also after a crash. */
export async function processesIn(cgroups: readonly string[]): Promise<Set<number>> {
  const found = new Set<number>();
  for (const cgroup of cgroups)
    for (const folder of await foldersBelow(cgroup)) {
      const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(gone(''));
      for (const pid of text.split('\n').map(Number)) if (pid > 0) found.add(pid);
    }
  return found;
}

/** Removes empty cgroups, deepest first. Those that still hold a process stay. */
export async function removeCgroups(cgroups: readonly string[]): Promise<void> {
  for (const cgroup of cgroups)
    for (const folder of (await foldersBelow(cgroup)).reverse()) await rmdir(folder).catch(stillUsed);
}

/** The folder and all below it, parents first; none when it does not exist. */
async function foldersBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(gone(undefined));
  if (entries === undefined) return [];
  const found = [folder];
  for (const entry of entries)
    if (entry.isDirectory()) found.push(...(await foldersBelow(join(folder, entry.name))));
  return found;
}

/** A cgroup may vanish between being listed and being read (ENODEV: while it is open). */
const gone =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return value;
    throw error;
  };

const stillUsed = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EBUSY' && error.code !== 'ENOENT') throw error;
};
