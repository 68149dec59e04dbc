import { Fail } from '../core/fail.ts';
import { openRecordFolder, type RecordForm } from './record-folder.ts';

interface Named {
  readonly id: string;
}

/**
 * The records of one kind, in memory and on the tmpfs at once. Records are immutable: a change replaces
 * the object, so whatever is derived from one may be cached under its identity.
 */
export interface Collection<Record extends Named> {
  list(): readonly Record[];
  get(id: string): Record | undefined;
  /** By whole id or by a prefix, three characters at least, that only one record has; an ambiguous prefix is an `InvalidArgument`. */
  find(idOrPrefix: string): Record | undefined;
  /** The one that has the name which this record would take. */
  namesake(record: Record): Record | undefined;
  /** Keeps the new record's name until it is removed; a taken name is an `AlreadyExists`. */
  add(record: Record): void;
  /** Replaces the record by its change, and returns it; a record that is gone is a `NotFound`. */
  update(id: string, change: (record: Record) => Record): Record;
  remove(id: string): void;
  /** Tells of every change after it was made, in order; the returned function ends that. */
  watch(watcher: Watcher<Record>): () => void;
}

/** `before` is undefined for a new record, `after` for one that is gone. It must not throw. */
export type Watcher<Record> = (before: Record | undefined, after: Record | undefined) => void;

export interface CollectionOptions<Record extends Named> {
  /** What one is called in messages: `pod`, `container`. */
  readonly kind: string;
  readonly folder: string;
  readonly form: RecordForm<Record>;
  /** What must be unique among them beside the id. */
  readonly nameOf: (record: Record) => string;
}

export const openCollection = <Record extends Named>(
  options: CollectionOptions<Record>,
): Collection<Record> => {
  const { kind, nameOf } = options;
  const folder = openRecordFolder(options.folder, options.form);
  const records = new Map(folder.load().map((record) => [record.id, record]));
  const idOfName = new Map([...records.values()].map((record) => [nameOf(record), record.id]));
  const watchers = new Set<Watcher<Record>>();
  const tell: Watcher<Record> = (before, after) => {
    for (const watcher of watchers) watcher(before, after);
  };
  return {
    list: () => [...records.values()],
    get: (id) => records.get(id),
    find: (idOrPrefix) => records.get(idOrPrefix) ?? uniqueByPrefix(records, idOrPrefix, kind),
    namesake: (record) => records.get(idOfName.get(nameOf(record)) ?? ''),
    add: (record) => {
      const name = nameOf(record);
      const taken = idOfName.get(name);
      if (taken !== undefined)
        throw new Fail('AlreadyExists', `${kind} name ${name} is reserved for ${taken}`, {
          hint: `remove ${kind} ${taken}, or ask for another attempt number`,
        });
      folder.save(record);
      records.set(record.id, record);
      idOfName.set(name, record.id);
      tell(undefined, record);
    },
    update: (id, change) => {
      const before = required(records.get(id), kind, id);
      const changed = change(before);
      folder.save(changed);
      records.set(id, changed);
      tell(before, changed);
      return changed;
    },
    remove: (id) => {
      const record = records.get(id);
      if (record === undefined) return;
      folder.remove(id);
      records.delete(id);
      idOfName.delete(nameOf(record));
      tell(record, undefined);
    },
    watch: (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
};

/** The record, or a `NotFound` that names what was asked for. */
export const required = <Record>(record: Record | undefined, kind: string, id: string): Record => {
  if (record === undefined) throw new Fail('NotFound', `there is no ${kind} ${id === '' ? '""' : id}`);
  return record;
};

/** As for images: shorter ones are more likely a mistake, and what they find is stopped or removed. */
const SHORTEST_PREFIX = 3;

const uniqueByPrefix = <Record extends Named>(
  records: ReadonlyMap<string, Record>,
  prefix: string,
  kind: string,
): Record | undefined => {
  if (prefix.length < SHORTEST_PREFIX) return undefined;
  const [first, second] = [...records.values()].filter((record) => record.id.startsWith(prefix));
  if (second !== undefined)
    throw new Fail('InvalidArgument', `more than one ${kind} has an id that starts with ${prefix}`);
  return first;
};
