import { Fail } from '../core/fail.ts';
import type { RegistriesConfig } from './config.ts';
import { flag, listOf, oneOf, show, text } from './readers.ts';
import { NotAsExpected, type Reader } from './settings.ts';
import type { TomlFile } from './toml-file.ts';

type Registry = RegistriesConfig['registries'][number];
type Mirror = Registry['mirrors'][number];

export interface Registries {
  readonly config: RegistriesConfig;
  readonly ignored: readonly string[];
}

/**
 * registries.conf and its drop-ins, version 2 (containers-registries.conf(5)): of lists and modes the last file's
 * counts, of registries with the same prefix the last one, aliases are joined.
 */
export const readRegistries = (files: readonly TomlFile[]): Registries => {
  let unqualifiedSearch: readonly string[] = [];
  let shortNameMode: RegistriesConfig['shortNameMode'] = 'enforcing';
  const aliases: Record<string, string> = {};
  const registries = new Map<string, Registry>();
  const ignored: string[] = [];

  for (const file of files) {
    const table = new TableReader(file, [], file.table);
    refuseVersion1(file);
    unqualifiedSearch = table.take('unqualified-search-registries', listOf(text)) ?? unqualifiedSearch;
    shortNameMode =
      table.take('short-name-mode', oneOf('enforcing', 'permissive', 'disabled')) ?? shortNameMode;
    Object.assign(aliases, table.take('aliases', aliasTable));
    for (const each of table.tables('registry')) {
      const registry = readRegistry(each);
      registries.set(registry.prefix, registry);
      ignored.push(...each.leftOver());
    }
    ignored.push(...table.leftOver());
  }
  return {
    config: { unqualifiedSearch, shortNameMode, aliases, registries: [...registries.values()] },
    ignored,
  };
};

/** Version 1 wrote `[registries.search]`; reading it as an empty version 2 would lose what it says. */
const refuseVersion1 = (file: TomlFile): void => {
  if (!('registries' in file.table)) return;
  throw new Fail(
    'InvalidArgument',
    `${file.where(['registries'])}: registries.conf version 1 is not supported`,
    {
      hint: 'write unqualified-search-registries and [[registry]], see containers-registries.conf(5)',
    },
  );
};

const readRegistry = (table: TableReader): Registry => {
  const prefix = table.take('prefix', text);
  const location = table.take('location', text);
  const scope = prefix || location;
  if (scope === undefined || scope === '') throw table.fail('a registry needs a prefix or a location');
  const digestOnly = table.take('mirror-by-digest-only', flag) ?? false;
  return {
    prefix: scope,
    location: location || scope,
    insecure: table.take('insecure', flag) ?? false,
    blocked: table.take('blocked', flag) ?? false,
    mirrors: table.tables('mirror').map((mirror) => readMirror(mirror, digestOnly, table)),
  };
};

const readMirror = (table: TableReader, digestOnly: boolean, registry: TableReader): Mirror => {
  const location = table.take('location', text);
  if (location === undefined || location === '') throw table.fail('a mirror needs a location');
  const insecure = table.take('insecure', flag) ?? false;
  const given = table.take('pull-from-mirror', oneOf('all', 'digest-only', 'tag-only'));
  if (given !== undefined && given !== 'digest-only' && digestOnly) {
    throw table.fail('pull-from-mirror contradicts mirror-by-digest-only of its registry');
  }
  registry.adopt(table);
  const pullFrom = digestOnly ? 'digest-only' : (given ?? 'all');
  return pullFrom === 'all' ? { location, insecure } : { location, insecure, pullFrom };
};

const aliasTable: Reader<Record<string, string>> = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new NotAsExpected(`is not a table: ${show(value)}`);
  }
  return Object.fromEntries(Object.entries(value).map(([name, target]) => [name, text(target)]));
};

/** One table of one file; counts what was taken. */
class TableReader {
  readonly #file: TomlFile;
  readonly #keys: readonly string[];
  readonly #table: Readonly<Record<string, unknown>>;
  readonly #taken = new Set<string>();
  readonly #adopted: TableReader[] = [];

  constructor(file: TomlFile, keys: readonly string[], table: object) {
    this.#file = file;
    this.#keys = keys;
    this.#table = { ...table };
  }

  take<T>(key: string, read: Reader<T>): T | undefined {
    this.#taken.add(key);
    const value = this.#table[key];
    if (value === undefined) return undefined;
    try {
      return read(value);
    } catch (error) {
      if (error instanceof NotAsExpected) throw this.fail(`${key} ${error.message}`, undefined, key);
      throw error;
    }
  }

  /** The tables of an array of tables. */
  tables(key: string): readonly TableReader[] {
    const list =
      this.take(key, (value) => {
        if (Array.isArray(value) && value.every((each) => typeof each === 'object' && each !== null)) {
          return value as readonly object[];
        }
        throw new NotAsExpected(`is not a list of tables; write [[${key}]]`);
      }) ?? [];
    return list.map(
      (table, index) => new TableReader(this.#file, [...this.#keys, key, String(index)], table),
    );
  }

  /** Reports what that table has left over together with this one's. */
  adopt(table: TableReader): void {
    this.#adopted.push(table);
  }

  fail(message: string, hint?: string, key?: string): Fail {
    const where = this.#file.where(key === undefined ? this.#keys : [...this.#keys, key]);
    return new Fail('InvalidArgument', `${where}: ${message}`, hint === undefined ? {} : { hint });
  }

  leftOver(): readonly string[] {
    const own = Object.keys(this.#table).filter((key) => !this.#taken.has(key));
    return [
      ...own.map((key) => `${this.#file.where([...this.#keys, key])}: ${[...this.#keys, key].join('.')}`),
      ...this.#adopted.flatMap((table) => table.leftOver()),
    ];
  }
}
