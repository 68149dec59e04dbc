import { mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startTimeTicks } from '../../linux/processes.ts';
import { hasErrno } from '../../linux/system-call-failed.ts';
import type { Log } from '../../observe/log.ts';
import type { Layout } from './layout.ts';
import { removeTree } from './remove-tree.ts';

/**
 * Folders in staging/ are named for the process that works in them, `<pid>.<start time>.<random>`: pid and start
 * time name one process for as long as the machine is up, so that what a dead one left behind is known as garbage.
 */
export const makeStaging = (layout: Layout): string => {
  const random = Math.random().toString(36).slice(2, 10);
  const folder = join(layout.staging, `${process.pid}.${startTimeTicks(process.pid) ?? '0'}.${random}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
};

/**
 * Removes the staging folders whose owner has ended. True when a live process other than this one owns one. What cannot
 * be removed is told and stays: no reason not to serve, nor to fail a pull that went well.
 */
export const sweepStaging = async (layout: Layout, log: Log | undefined): Promise<boolean> => {
  let inUse = false;
  for (const name of await namesIn(layout.staging)) {
    const owner = ownerOf(name);
    if (owner === 'ended') await removeOrTell(join(layout.staging, name), log);
    else if (owner === 'other') inUse = true;
  }
  return inUse;
};

const removeOrTell = async (folder: string, log: Log | undefined): Promise<void> => {
  try {
    await removeTree(folder);
  } catch (error) {
    log?.warn('cannot remove what an ended pull left; the next sweep tries again', { folder, error });
  }
};

const ownerOf = (name: string): 'ended' | 'other' | 'self' => {
  const [pid = '', ticks = ''] = name.split('.');
  const isPid = /^[1-9][0-9]*$/.test(pid);
  if (!isPid || startTimeTicks(Number(pid)) !== ticks) return 'ended';
  return Number(pid) === process.pid ? 'self' : 'other';
};

/** The names in a folder; none when there is no such folder. */
export const namesIn = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
};
