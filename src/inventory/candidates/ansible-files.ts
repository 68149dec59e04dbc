import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { Fail } from '../../core/fail.ts';
import { hostNamesIn, type Inventory, type Vars } from './ansible-inventory.ts';
import { ansibleYaml, varsIn } from './ansible-values.ts';

/*
 * What Ansible's plugin host_group_vars reads beside an inventory: group_vars/NAME and host_vars/NAME, each a folder, a file
 * without an extension, or one with the first of these extensions.
 */
const extensions = ['.yml', '.yaml', '.json'] as const;

/** What the files of one folder say of groups and hosts, by their names. */
interface Layer {
  readonly groups: ReadonlyMap<string, Vars>;
  readonly hosts: ReadonlyMap<string, Vars>;
}

export interface VarsFiles {
  /** Later ones win. */
  readonly layers: readonly Layer[];
  /** Files that are encrypted as a whole. */
  readonly vaults: readonly string[];
}

/**
 * Reads the variables of an inventory's groups and hosts: from the folder that it lies in, then from that of the playbooks,
 * which for Ansible's own commands is the one that they are started in.
 * @throws Fail `BadUsage` for a file that cannot be read or is no YAML
 */
export async function readVarsFiles(folders: readonly string[], inventory: Inventory): Promise<VarsFiles> {
  const layers: Layer[] = [];
  const vaults: string[] = [];
  for (const folder of new Map(folders.map((path) => [resolve(path), path])).values()) {
    const groups = await varsBelow(join(folder, 'group_vars'), ['all', ...inventory.groups.keys()]);
    const hosts = await varsBelow(join(folder, 'host_vars'), hostNamesIn(inventory));
    layers.push({ groups: groups.vars, hosts: hosts.vars });
    vaults.push(...groups.vaults, ...hosts.vaults);
  }
  return { layers, vaults };
}

interface Below {
  readonly vars: ReadonlyMap<string, Vars>;
  readonly vaults: readonly string[];
}

async function varsBelow(folder: string, names: readonly string[]): Promise<Below> {
  const there = new Set((await entriesOf(folder)).map(({ name }) => name));
  const vars = new Map<string, Vars>();
  const vaults: string[] = [];
  for (const name of new Set(names)) {
    const found = ['', ...extensions].map((extension) => `${name}${extension}`).find((one) => there.has(one));
    if (found === undefined) continue;
    for (const file of await filesOf(join(folder, found))) {
      const read = await varsOf(file);
      if (read === undefined) vaults.push(file);
      else vars.set(name, new Map([...(vars.get(name) ?? []), ...read]));
    }
  }
  return { vars, vaults };
}

/** Of a folder that is not there: none. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return [];
    throw unreadable(folder, error);
  }
}

/** The file itself, or the files of a folder in their order: later ones win. Hidden ones and backups are not read. */
async function filesOf(path: string): Promise<readonly string[]> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder) return [path];
  const names = (await entriesOf(path)).map(({ name }) => name).toSorted();
  const files: string[] = [];
  for (const name of names.filter((one) => !one.startsWith('.') && !one.endsWith('~')))
    if (extname(name) === '' || extensions.some((extension) => extension === extname(name)))
      files.push(...(await filesOf(join(path, name))));
  return files;
}

/** Undefined: the whole file is a vault. */
async function varsOf(file: string): Promise<Vars | undefined> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  return text.startsWith('$ANSIBLE_VAULT;') ? undefined : varsIn(ansibleYaml(text, file));
}

const unreadable = (path: string, cause: unknown): Fail =>
  new Fail('BadUsage', `${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`, {
    hint: 'It belongs to the inventory and may say how hosts are reached: make it readable for you.',
    cause,
  });
