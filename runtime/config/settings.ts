import { Fail } from '../core/fail.ts';
import type { TomlFile } from './toml-file.ts';

/** Turns a value of the file into what berthd uses, or throws a NotAsExpected. */
export type Reader<T> = (value: unknown) => T;

/** `message` continues a sentence that begins with the key: "is not …". */
export class NotAsExpected extends Error {}

interface Setting {
  readonly keys: readonly string[];
  readonly value: unknown;
  readonly where: string;
  /** Other keys of the same table stay when a later file sets this one. */
  used: boolean;
}

/**
 * The keys of several files laid over one another: a later file wins key by key, tables are joined.
 * What nobody asked for is left over, and can be listed.
 */
export class Settings {
  readonly #settings = new Map<string, Setting>();
  /** Where each table was first seen, by its path. */
  readonly #tables = new Map<string, { readonly keys: readonly string[]; readonly where: string }>();

  constructor(files: readonly TomlFile[]) {
    for (const file of files) this.#add(file, [], file.table);
  }

  #add(file: TomlFile, keys: readonly string[], table: object): void {
    for (const [key, value] of Object.entries(table)) {
      const path = [...keys, key];
      if (isTable(value)) {
        if (!this.#tables.has(path.join('.')))
          this.#tables.set(path.join('.'), { keys: path, where: file.where(path) });
        this.#add(file, path, value);
      } else this.#settings.set(path.join('.'), { keys: path, value, where: file.where(path), used: false });
    }
  }

  /** The setting, read; undefined when no file has it. Fails `InvalidArgument` naming file:line and key. */
  take<T>(key: string, read: Reader<T>): T | undefined {
    const setting = this.#settings.get(key);
    if (setting === undefined) return undefined;
    setting.used = true;
    try {
      return read(setting.value);
    } catch (error) {
      if (!(error instanceof NotAsExpected)) throw error;
      throw new Fail('InvalidArgument', `${setting.where}: ${key} ${error.message}`);
    }
  }

  /** `file:line` of a setting or table, for messages about its meaning. */
  where(key: string): string | undefined {
    return (this.#settings.get(key) ?? this.#tables.get(key))?.where;
  }

  /** Names of the tables directly below a table, in the order in which they were first seen. */
  tablesBelow(table: string): readonly string[] {
    const above = `${table}.`;
    const depth = table.split('.').length;
    return [...this.#tables]
      .filter(([path, { keys }]) => path.startsWith(above) && keys.length === depth + 1)
      .map(([, { keys }]) => keys[depth] ?? '');
  }

  /** What nobody took. */
  leftOver(): readonly { readonly key: string; readonly where: string }[] {
    return [...this.#settings.values()]
      .filter(({ used }) => !used)
      .map(({ keys, where }) => ({ key: keys.join('.'), where }));
  }
}

/** Not a list, and not one of the parser's dates. */
const isTable = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value));
