import type { BeforeRecord, History } from '../host/facts/history.ts';
import type { Facts } from '../host/facts/probe.ts';

type RecordOf<Kind extends BeforeRecord['kind']> = Extract<BeforeRecord, { kind: Kind }>;

/** Where releases lie, beside each other. */
export interface ReleasePlace {
  readonly root: string;
}

/** What a host was like before some generations, and what there is to make it so again. */
export interface WayBack {
  /** The records of all generations to undo, oldest first. */
  readonly records: readonly BeforeRecord[];
  readonly history: History;
  readonly facts: Facts;
  readonly release: ReleasePlace;
}

export const isOfRelease = (path: string, { root }: ReleasePlace): boolean =>
  path === root || path.startsWith(`${root}/`);

/** The first record of each thing says how it was: later generations found what earlier ones had made. */
export function firstOf<Kind extends BeforeRecord['kind']>(
  records: readonly BeforeRecord[],
  kind: Kind,
): RecordOf<Kind>[] {
  const first = new Map<string, RecordOf<Kind>>();
  for (const record of records) {
    if (!isKind(record, kind)) continue;
    const name = nameOf(record);
    if (!first.has(name)) first.set(name, record);
  }
  return [...first.values()];
}

const isKind = <Kind extends BeforeRecord['kind']>(
  record: BeforeRecord,
  kind: Kind,
): record is RecordOf<Kind> => record.kind === kind;

function nameOf(record: BeforeRecord): string {
  if ('path' in record) return record.path;
  return 'key' in record ? record.key : record.name;
}
