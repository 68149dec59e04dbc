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

  constructor(files: readonly TomlFile[]) {
    for (const file of files) this.#add(file, [], file.table);
  }

  #add(file: TomlFile, keys: readonly string[], table: object): void {
    for (const [key, value] of Object.entries(table)) {
      const path = [...keys, key];
      if (isTable(value)) this.#add(file, path, value);
      else this.#settings.set(path.join('.'), { keys: path, value, where: file.where(path), used: false });
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

  /** `file:line` of a setting, for messages about its meaning. */
  where(key: string): string | undefined {
    return this.#settings.get(key)?.where;
  }

  /** Names of the tables directly below a table, in the order in which they were first seen. */
  tablesBelow(table: string): readonly string[] {
    const above = table.split('.');
    const names = [...this.#settings.values()]
      .filter(
        ({ keys }) => keys.length > above.length + 1 && above.every((key, index) => keys[index] === key),
      )
      .map(({ keys }) => keys[above.length] ?? '');
    return [...new Set(names)];
  }

  /** `file:line: key` of what nobody took. */
  leftOver(): readonly string[] {
    return [...this.#settings.values()]
      .filter(({ used }) => !used)
      .map(({ keys, where }) => `${where}: ${keys.join('.')}`);
  }
}

/** Not a list, and not one of the parser's dates. */
const isTable = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value));
