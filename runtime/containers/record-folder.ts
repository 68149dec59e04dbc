import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import { replaceFile } from '../linux/replace-file.ts';

/** How a record is written as JSON and read back; `parse` refuses what it does not understand. */
export interface RecordForm<Record> {
  toJson(record: Record): unknown;
  parse(json: unknown): Record;
}

/** One file per record, `<id>.json`. */
export interface RecordFolder<Record extends { readonly id: string }> {
  load(): readonly Record[];
  save(record: Record): void;
  remove(id: string): void;
}

/**
 * Records that live as long as what they describe, on the tmpfs under /run: a rename makes a write atomic
 * against a kill, and nothing has to outlive the machine, so nothing is synced. Synchronous on purpose:
 * it takes microseconds, and no other step can come between a decision and its record.
 */
export const openRecordFolder = <Record extends { readonly id: string }>(
  folder: string,
  form: RecordForm<Record>,
): RecordFolder<Record> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pathOf = (id: string) => join(folder, `${id}.json`);
  return {
    load: () => readdirSync(folder).flatMap((name) => loadOne(folder, name, form)),
    save: (record) => replaceFile(pathOf(record.id), JSON.stringify(form.toJson(record))),
    remove: (id) => rmSync(pathOf(id), { force: true }),
  };
};

const loadOne = <Record>(folder: string, name: string, form: RecordForm<Record>): Record[] => {
  const path = join(folder, name);
  if (name.endsWith('.json.new')) rmSync(path, { force: true }); // a write that a kill cut short
  if (!name.endsWith('.json')) return [];
  try {
    return [form.parse(JSON.parse(readFileSync(path, 'utf8')))];
  } catch (cause) {
    throw new Fail('DataLoss', `cannot read the record ${path}`, {
      cause,
      hint: 'start the version of berth that wrote it, or end its container by hand and remove the file',
    });
  }
};

/**
 * The record as it was written, if it has that version. The folder is root's alone and writes are atomic,
 * so what carries our version has the shape we gave it.
 */
export const requireVersion = <Stored extends { version: number }>(
  json: unknown,
  version: Stored['version'],
): Stored => {
  const found = typeof json === 'object' && json !== null && 'version' in json ? json.version : undefined;
  if (found === version) return json as Stored;
  throw new Fail('DataLoss', `the record has version ${String(found)}, this berthd knows ${version}`);
};
