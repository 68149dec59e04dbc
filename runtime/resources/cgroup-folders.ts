import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import { type CgroupHost, hierarchies } from './cgroup-host.ts';

/** Makes the parent cgroup in every hierarchy (cgroupfs driver; systemd makes its own slices). Idempotent. */
export const createCgroup = async (host: CgroupHost, path: string): Promise<void> => {
  for (const root of hierarchies(host)) {
    for (const folder of levels(path)) await createLevel(host, root, folder);
  }
};

/** Removes the cgroup and those below it. False: one still has processes and stays, with its parents. */
export const removeCgroup = async (host: CgroupHost, path: string): Promise<boolean> => {
  if (levels(path).length === 0) throw new Fail('Internal', 'the root cgroup is not ours to remove');
  const removed = await Promise.all(hierarchies(host).map((root) => removeTree(join(root, path))));
  return removed.every(Boolean);
};

/** `/a/b` → `a`, `a/b`. */
const levels = (path: string): readonly string[] => {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
};

const createLevel = async (host: CgroupHost, root: string, folder: string): Promise<void> => {
  await mkdir(join(root, folder), { mode: 0o755 }).catch(unless('EEXIST'));
  if (root === host.controllers.get('cpuset') && host.mode !== 'v2') await fillCpuset(root, folder);
  if (host.mode === 'v2') await enableControllers(join(root, folder));
};

/** On v1 a new cpuset is empty and takes no process until it has its parent's CPUs and memory nodes. */
const fillCpuset = async (root: string, folder: string): Promise<void> => {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = join(root, folder, file);
    if ((await readFile(own, 'utf8')).trim() !== '') continue;
    await writeFile(own, await readFile(join(root, folder, '..', file), 'utf8'));
  }
};

/** On v2 children get the controllers that their parent passes on (cgroup.subtree_control). */
const enableControllers = async (folder: string): Promise<void> => {
  const available = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).split(/\s+/).filter(Boolean);
  if (available.length === 0) return;
  await writeFile(join(folder, 'cgroup.subtree_control'), available.map((name) => `+${name}`).join(' '));
};

const removeTree = async (folder: string): Promise<boolean> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(unless('ENOENT'));
  if (entries === undefined) return true;
  let empty = true;
  for (const entry of entries) {
    if (entry.isDirectory() && !(await removeTree(join(folder, entry.name)))) empty = false;
  }
  return empty && (await removeOne(folder));
};

const removeOne = async (folder: string): Promise<boolean> => {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    if (codeOf(error) === 'EBUSY' || codeOf(error) === 'ENOTEMPTY') return false;
    throw error;
  }
};

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

const unless =
  (code: string) =>
  (error: unknown): undefined => {
    if (codeOf(error) !== code) throw error;
  };
