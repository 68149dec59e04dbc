import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../../core/fail.ts';

/**
 * What was put on the machine outside the folder, written down before it is done, so that a crash in
 * between loses nothing. The file also marks the folder as one that may be deleted.
 */
export interface MachineState {
  readonly version: 1;
  /** Packages that were not installed before. */
  readonly packages: readonly string[];
  /** Kernel modules that were not loaded before. */
  readonly modules: readonly string[];
  /** Folders that the packages make at a boot and that were not there before. */
  readonly folders: readonly string[];
}

const stateFile = (folder: string): string => join(folder, 'state.json');

export async function readState(folder: string): Promise<MachineState | undefined> {
  const text = await readFile(stateFile(folder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (text === undefined) return undefined;
  const state = JSON.parse(text) as MachineState;
  if (state.version === 1) return state;
  throw new Fail(
    'Unsupported',
    `${stateFile(folder)} has version ${String(state.version)}; version 1 is known`,
    {
      hint: 'use the berth that made it',
    },
  );
}

/** Adds to what is remembered. */
export async function remember(folder: string, added: Partial<Omit<MachineState, 'version'>>): Promise<void> {
  const known = await readState(folder);
  const union = (a: readonly string[] = [], b: readonly string[] = []): string[] => [
    ...new Set([...a, ...b]),
  ];
  const state: MachineState = {
    version: 1,
    packages: union(known?.packages, added.packages),
    modules: union(known?.modules, added.modules),
    folders: union(known?.folders, added.folders),
  };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const part = `${stateFile(folder)}.${randomBytes(4).toString('hex')}`;
  await writeFile(part, `${JSON.stringify(state, undefined, 2)}\n`, { flush: true });
  await rename(part, stateFile(folder));
}
