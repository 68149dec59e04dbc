import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasErrno } from '../../linux/system-call-failed.ts';
import { readKernelFile } from './read-file.ts';

/** The processes in that cgroup and in those below it: an init system in a container makes cgroups of its own. */
export const processesBelow = (folder: string): readonly number[] => {
  const found: number[] = [];
  for (const pending = [folder]; ; ) {
    const next = pending.pop();
    if (next === undefined) return found;
    for (const line of (readKernelFile(join(next, 'cgroup.procs')) ?? '').split('\n'))
      if (line !== '') found.push(Number(line));
    pending.push(...foldersIn(next));
  }
};

const foldersIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(folder, name));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENODEV')) return [];
    throw error;
  }
};
