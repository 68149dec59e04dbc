import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absent } from '../core/absent.ts';
import { Fail } from '../core/fail.ts';

/** A plugin's own configuration: berth reads a few keys and hands on all. */
export interface PluginConfig {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [key: string]: unknown;
}

/** A network configuration list (CNI specification, section 1). */
export interface ConfigList {
  readonly name: string;
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGc: boolean;
  readonly plugins: readonly PluginConfig[];
}

/** The configuration folder at one moment. */
export interface ConfigFolder {
  /** In byte order of the file names. */
  readonly lists: readonly ConfigList[];
  /** One line for each file that could not be used. */
  readonly problems: readonly string[];
}

/** Versions whose results and verbs we speak, oldest first. */
const CNI_VERSIONS: readonly string[] = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

export const versionAtLeast = (version: string, wanted: '0.4.0' | '1.1.0'): boolean =>
  CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(wanted);

const MAX_FILE_BYTES = 1024 * 1024;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * Reads the folder again whenever a file in it is new, gone or changed. Asking costs a readdir and a stat per file,
 * synchronous, since each pod asks, and trips through the thread pool take longer. An absent folder is an empty one.
 */
export const watchConfigFolder = (folder: string): (() => Promise<ConfigFolder>) => {
  let seen = '';
  let current: ConfigFolder = { lists: [], problems: [] };
  return async () => {
    const files = configFiles(folder);
    const signature = files.map(({ name, stamp }) => `${name}\0${stamp}`).join('\0');
    if (signature !== seen || files.length === 0) {
      current = await readFolder(
        folder,
        files.map(({ name }) => name),
      );
      seen = signature;
    }
    return current;
  };
};

interface ConfigFile {
  readonly name: string;
  /** Changes whenever the file does; empty when it went away in the meantime. */
  readonly stamp: string;
}

const configFiles = (folder: string): readonly ConfigFile[] =>
  namesIn(folder)
    .filter((name) => /\.(conflist|conf|json)$/.test(name))
    .toSorted(byBytes)
    .map((name) => ({ name, stamp: stampOf(join(folder, name)) }))
    .filter(({ stamp }) => stamp !== '');

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    return absent(error) ?? [];
  }
};

const stampOf = (path: string): string => {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
};

const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

const readFolder = async (folder: string, names: readonly string[]): Promise<ConfigFolder> => {
  const lists: ConfigList[] = [];
  const problems: string[] = [];
  for (const name of names) {
    try {
      lists.push(await readList(folder, name));
    } catch (error) {
      problems.push(`${join(folder, name)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { lists, problems };
};

const readList = async (folder: string, name: string): Promise<ConfigList> => {
  const text = await readFile(join(folder, name), 'utf8');
  if (text.length > MAX_FILE_BYTES) throw new Fail('InvalidArgument', `larger than ${MAX_FILE_BYTES} bytes`);
  const list = parseConfigList(text, name.endsWith('.conflist'));
  const more =
    name.endsWith('.conflist') && !loadsOnlyInlined(text) ? await pluginFiles(join(folder, list.name)) : [];
  const plugins = [...list.plugins, ...more];
  if (plugins.length === 0) throw new Fail('InvalidArgument', 'it has no plugins');
  return { ...list, plugins };
};

/** Since CNI 1.1 a folder named as the network may add plugins, one a file. */
const pluginFiles = async (folder: string): Promise<readonly PluginConfig[]> => {
  const names = namesIn(folder)
    .filter((name) => name.endsWith('.conf'))
    .toSorted(byBytes);
  return Promise.all(
    names.map(async (name) => parsePlugin(parseObject(await readFile(join(folder, name), 'utf8')))),
  );
};

const loadsOnlyInlined = (text: string): boolean => parseObject(text)['loadOnlyInlinedPlugins'] === true;

/** A `.conflist`, or a lone plugin (`.conf`, `.json`), which is a list of one. Fails `InvalidArgument`. */
export const parseConfigList = (text: string, isList: boolean): ConfigList => {
  const value = parseObject(text);
  const name = value['name'];
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new Fail(
      'InvalidArgument',
      `its name ${JSON.stringify(name)} is not letters, digits, dot, dash, underscore`,
    );
  }
  const plugins = isList ? (value['plugins'] ?? []) : [value];
  if (!Array.isArray(plugins)) throw new Fail('InvalidArgument', 'its plugins are not a list');
  return {
    name,
    cniVersion: chooseVersion(value['cniVersion'], value['cniVersions']),
    disableCheck: flag(value, 'disableCheck'),
    disableGc: flag(value, 'disableGC'),
    plugins: plugins.map(parsePlugin),
  };
};

/** The newest version of those offered that we speak. */
const chooseVersion = (version: unknown, versions: unknown): string => {
  const offered: readonly unknown[] = [version, ...(Array.isArray(versions) ? versions : [])];
  const chosen = CNI_VERSIONS.findLast((known) => offered.includes(known));
  if (chosen !== undefined) return chosen;
  throw new Fail(
    'InvalidArgument',
    `its cniVersion ${JSON.stringify(version)} is none of ${CNI_VERSIONS.join(', ')}`,
  );
};

/** Older files write `"true"`. */
const flag = (value: Readonly<Record<string, unknown>>, key: string): boolean => {
  const given = value[key] ?? false;
  if (typeof given === 'boolean') return given;
  if (given === 'true' || given === 'false') return given === 'true';
  throw new Fail('InvalidArgument', `its ${key} is neither true nor false`);
};

const parsePlugin = (value: unknown): PluginConfig => {
  if (!isObject(value)) throw new Fail('InvalidArgument', 'a plugin is not an object');
  const type = value['type'];
  // The type becomes a file name in the plugin folders.
  if (typeof type !== 'string' || !NAME.test(type)) {
    throw new Fail('InvalidArgument', `plugin type ${JSON.stringify(type)} is not the name of a plugin`);
  }
  const { capabilities: given = {}, ...rest } = value;
  if (!isObject(given))
    throw new Fail('InvalidArgument', `plugin ${type}: its capabilities are not an object`);
  const capabilities = Object.fromEntries(Object.entries(given).map(([name, on]) => [name, on === true]));
  return { ...rest, type, ...(value['capabilities'] === undefined ? {} : { capabilities }) };
};

const parseObject = (text: string): Readonly<Record<string, unknown>> => {
  const value = parseJson(text);
  if (isObject(value)) return value;
  throw new Fail('InvalidArgument', 'it is not a JSON object');
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fail(
      'InvalidArgument',
      `it is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
