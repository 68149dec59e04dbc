import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../../core/fail.ts';
import { removeHost } from './host.ts';
import type { EmbeddedOptions } from './places.ts';
import { removeRequirements } from './requirements.ts';
import { readState } from './state.ts';

/**
 * Takes away everything that embedded hosts have put on this machine: the hosts of the folder and those
 * named, what was installed for them, the folder. Answers what had to stay, each with its reason.
 */
export async function removeEverything(
  names: readonly string[],
  options: EmbeddedOptions,
): Promise<readonly string[]> {
  const inFolder = await readdir(join(options.folder, 'hosts')).catch(none);
  // A name without a folder: the processes and the bridge of a host whose files somebody deleted.
  for (const name of new Set([...names, ...inFolder])) await removeHost(name, options);
  const kept = await removeRequirements(options);
  await removeFolder(options.folder);
  return kept;
}

/** Deletes nothing that is not ours, and nothing through a mount into another file system. */
async function removeFolder(folder: string): Promise<void> {
  const entries = await readdir(folder).catch(none);
  const foreign = (await readState(folder)) === undefined && entries.some((name) => name !== 'lock');
  if (foreign)
    throw new Fail('Unsupported', `${folder} was not made by berth: it has no state.json`, {
      hint: 'look into it, and delete it by hand',
    });
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  const below = mounts.find((point) => point.startsWith(`${folder}/`));
  if (below !== undefined)
    throw new Fail('Unsupported', `${below} is a mount point inside the folder to be deleted`, {
      hint: `umount ${below}`,
    });
  await rm(folder, { recursive: true, force: true });
}

function none(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
