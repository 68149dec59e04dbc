import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, TomlError, type TomlTable } from 'smol-toml';
import { absent } from '../core/absent.ts';
import { Fail } from '../core/fail.ts';

/** A TOML file, and where in it each key stands. */
export interface TomlFile {
  readonly path: string;
  readonly table: TomlTable;
  /** `file:line` of a key, or of the table above it when the file writes it in some way that we cannot follow. */
  readonly where: (keys: readonly string[]) => string;
}

/** Undefined when there is no such file. Fails `InvalidArgument` with file:line:column for what is not TOML. */
export const readToml = async (path: string): Promise<TomlFile | undefined> => {
  const text = await readFile(path, 'utf8').catch(absent);
  return text === undefined ? undefined : parseToml(path, text);
};

export const parseToml = (path: string, text: string): TomlFile => {
  try {
    const table = parse(text, { integersAsBigInt: 'asNeeded', unsafeKeyBehaviour: 'throw' });
    const lines = keyLines(text);
    return { path, table, where: (keys) => `${path}:${lineOf(lines, keys)}` };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason] = error.message.split('\n');
    throw new Fail('InvalidArgument', `${path}:${error.line}:${error.column}: ${reason}`, { cause: error });
  }
};

/** Paths of the folder's `*.conf` in byte order, and its other entries, which are not read. */
export const listDropIns = async (
  folder: string,
): Promise<{ readonly files: readonly string[]; readonly others: readonly string[] }> => {
  const entries = await listed(folder);
  const isFile = (name: string) => name.endsWith('.conf') && !name.startsWith('.');
  return {
    files: entries.filter(isFile).map((name) => join(folder, name)),
    others: entries.filter((name) => !isFile(name)).map((name) => join(folder, name)),
  };
};

/** Names in a folder in byte order; none where it is not there. */
export const listed = async (folder: string): Promise<readonly string[]> =>
  ((await readdir(folder).catch(absent)) ?? []).toSorted(byBytes);

const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

const SEPARATOR = '\0';
const HEADER = /^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$/;
const KEY = /^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=/;

/**
 * Line numbers by key path, for messages. Tables of an array of tables count as `name`, `0`, `1` …
 * A line inside a multi-line string may look like a key: then a message may point there, which is all it can do.
 */
const keyLines = (text: string): ReadonlyMap<string, number> => {
  const lines = new Map<string, number>();
  const counts = new Map<string, number>();
  let table: readonly string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const header = HEADER.exec(line)?.[1];
    const key = KEY.exec(line)?.[1];
    if (key !== undefined) note(lines, [...table, ...splitKey(key)], index + 1);
    else if (header !== undefined) {
      table = tablePath(splitKey(header), line.trimStart().startsWith('[['), counts);
      note(lines, table, index + 1);
    }
  }
  return lines;
};

const note = (lines: Map<string, number>, keys: readonly string[], line: number): void => {
  const path = keys.join(SEPARATOR);
  if (!lines.has(path)) lines.set(path, line);
};

/** Puts the running number behind each name that is an array of tables. */
const tablePath = (
  keys: readonly string[],
  isArray: boolean,
  counts: Map<string, number>,
): readonly string[] => {
  const path: string[] = [];
  for (const [index, key] of keys.entries()) {
    path.push(key);
    const name = path.join(SEPARATOR);
    const last = counts.get(name);
    if (isArray && index === keys.length - 1) counts.set(name, (last ?? -1) + 1);
    const current = counts.get(name);
    if (current !== undefined) path.push(String(current));
  }
  return path;
};

const splitKey = (text: string): readonly string[] =>
  (text.match(/"[^"]*"|'[^']*'|[^.\s]+/g) ?? []).map((part) => part.replace(/^["']|["']$/g, ''));

const lineOf = (lines: ReadonlyMap<string, number>, keys: readonly string[]): number => {
  for (let length = keys.length; length > 0; length -= 1) {
    const line = lines.get(keys.slice(0, length).join(SEPARATOR));
    if (line !== undefined) return line;
  }
  return 1;
};
