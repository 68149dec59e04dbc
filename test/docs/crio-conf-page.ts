import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../runtime/config/load.ts';
import { NotAsExpected, type Reader, Settings } from '../../runtime/config/settings.ts';

/*
 * docs/crio-conf.md: its keys and what may be their values are those that the runtime's own reader asks for. Defaults and
 * descriptions are kept from the page, row by row; a key without a row gets one that says so, and a test refuses it.
 */

export const undescribed = '**not described yet**';

/** A handler's name in the page. */
const anyHandler = 'NAME';

/** What the reader of a key says of a value that it does not take, after the key's name. */
const refusal = (read: Reader<unknown>, value: unknown): string | undefined => {
  try {
    read(value);
    return undefined;
  } catch (error) {
    if (error instanceof NotAsExpected) return error.message;
    throw error;
  }
};

const kinds: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/^is neither true nor false/, 'true or false'],
  [/^is none of (.*?): /, '$1'],
  [/^is not a span of time such as (.*?): /, 'time, such as $1'],
  [/^is not a whole number from (\d+) to (\d+)/, 'whole number, $1 to $2'],
  [/^is not a whole number from (-\d+) to (\d+)/, 'whole number'],
  [/^is not an absolute path/, 'absolute path'],
  [/^is not a list/, 'list'],
  [/^has an entry that is not (?:an? )?(.*?): /, 'list of $1'],
  [/^has an entry that is no (.*?) that berth has/, 'list of $1'],
  [/^names .* none of (.*?): /, 'list of $1'],
  [/^is not (.*?)(: |$)/, '$1'],
];

const kindOfRefusal = (message: string): string => {
  for (const [pattern, kind] of kinds) {
    const found = pattern.exec(message);
    if (found)
      return kind.replace(/\$(\d)/g, (_, group) => found[Number(group)] ?? '').replace(/"([^"]*)"/g, '`$1`');
  }
  return message;
};

/** In words, from what the reader refuses. */
const kindOf = (read: Reader<unknown>): string => {
  const odd = refusal(read, new Date(0));
  if (odd === undefined) return 'anything';
  const kind = kindOfRefusal(odd);
  if (kind === 'list') {
    const entry = refusal(read, ['\u0001x']) ?? '';
    const word = refusal(read, ['x']);
    if (word !== undefined)
      return kindOfRefusal(word)
        .replace(/^(?!list)/, 'list of ')
        .replace(/path$/, 'paths');
    return entry === '' ? 'list' : 'list of texts';
  }
  if (!odd.startsWith('is not a string of one line')) return kind;
  const word = refusal(read, 'x');
  return word === undefined ? 'text' : kindOfRefusal(word);
};

/** Every key that the reader asks for, with the kind of its value, in the order of asking. */
export const readKeys = async (): Promise<ReadonlyMap<string, string>> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-keys-'));
  const keys = new Map<string, string>();
  const { take } = Settings.prototype;
  Settings.prototype.take = function <T>(this: Settings, key: string, read: Reader<T>): T | undefined {
    if (key.startsWith('crio.')) keys.set(key, kindOf(read));
    return take.call(this, key, read) as T | undefined;
  };
  try {
    const file = join(folder, 'crio.conf');
    const handler = `[crio.runtime.runtimes.${anyHandler}]\nruntime_path = "/bin/sh"\n`;
    writeFileSync(file, `[crio.runtime]\ndefault_runtime = "${anyHandler}"\n${handler}`);
    writeFileSync(join(folder, 'policy.json'), '{"default":[{"type":"reject"}]}');
    const none = join(folder, 'none');
    await loadConfig({
      file,
      dropInDir: none,
      registriesFile: none,
      registriesDir: none,
      signaturesDir: none,
      policyFile: join(folder, 'policy.json'),
    });
  } finally {
    Settings.prototype.take = take;
    rmSync(folder, { recursive: true, force: true });
  }
  return keys;
};

interface Row {
  readonly cell: string;
  /** With their tables, as the reader has them. */
  readonly keys: readonly string[];
  readonly fallback: string;
  readonly text: string;
}

interface Section {
  readonly table: string;
  readonly text: string;
  readonly rows: readonly Row[];
}

/** A bar within a cell is written `\|`. */
const cellsOf = (line: string): string[] =>
  line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());

const rowOf = (table: string, cells: readonly string[]): Row => {
  const [cell = '', ...others] = cells;
  // Rows have a kind in their second cell once they were written from the reader.
  const [fallback = '', text = ''] = others.slice(-2);
  const keys = [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => `${table}.${name}`);
  return { cell, keys, fallback, text };
};

const sectionsOf = (lines: readonly string[]): Section[] => {
  const sections: { table: string; text: string; rows: Row[] }[] = [];
  for (const line of lines) {
    const cells = cellsOf(line);
    const table = /^\*\*\[([\w.]+)\]\*\*$/.exec(cells[0] ?? '')?.[1];
    if (table !== undefined) sections.push({ table, text: cells.at(-1) ?? '', rows: [] });
    else sections.at(-1)?.rows.push(rowOf(sections.at(-1)?.table ?? '', cells));
  }
  return sections;
};

/** A row of a handler stands for all of its keys that its text names. */
const covers = (row: Row, key: string): boolean =>
  row.keys.some(
    (own) =>
      own === key ||
      (own.endsWith(`.${anyHandler}`) &&
        key.startsWith(`${own}.`) &&
        row.text.includes(`\`${key.split('.').at(-1)}\``)),
  );

const tableOf = (key: string, tables: readonly string[]): string =>
  tables.filter((table) => key.startsWith(`${table}.`)).sort((one, other) => other.length - one.length)[0] ??
  key.split('.').slice(0, -1).join('.');

const isRead = (row: Row, keys: ReadonlyMap<string, string>): boolean =>
  row.keys.every((own) => keys.has(own) || [...keys.keys()].some((key) => key.startsWith(`${own}.`)));

const rowText = (row: Row, keys: ReadonlyMap<string, string>): string =>
  `| ${row.cell} | ${keys.get(row.keys[0] ?? '') ?? ''} | ${row.fallback} | ${row.text} |`;

/** The page with the table that it must have: rows of keys that are no longer read are gone. */
export const crioConfPage = async (page: string): Promise<string> => {
  const lines = page.split('\n');
  const start = lines.findIndex((line) => line.startsWith('| key |'));
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  const keys = await readKeys();
  const sections = sectionsOf(lines.slice(start + 2, start + length));
  const missing = [...keys.keys()].filter(
    (key) => !sections.some(({ rows }) => rows.some((row) => covers(row, key))),
  );
  const tables = sections.map(({ table }) => table);
  const added = [...new Set(missing.map((key) => tableOf(key, tables)))].filter(
    (table) => !tables.includes(table),
  );
  const all = [...sections, ...added.map((table): Section => ({ table, text: '', rows: [] }))];
  const table = all.flatMap((section) => {
    const own = missing.filter((key) => tableOf(key, [...tables, ...added]) === section.table);
    return [
      `| **[${section.table}]** | | | ${section.text} |`,
      ...section.rows.filter((row) => isRead(row, keys)).map((row) => rowText(row, keys)),
      ...own.map(
        (key) => `| \`${key.slice(section.table.length + 1)}\` | ${keys.get(key)} | | ${undescribed} |`,
      ),
    ];
  });
  const head = ['| key | kind | default | |', '| --- | --- | --- | --- |'];
  return [...lines.slice(0, start), ...head, ...table, ...lines.slice(start + length)].join('\n');
};
