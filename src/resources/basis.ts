import { createHash } from 'node:crypto';
import type { FileFact } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';

/**
 * What a plan was decided from, as flat text: `topic key` → value. Two probes of a host that nobody touched have the same
 * basis; a host that took another's address has another one.
 */
export type Basis = Readonly<Record<string, string>>;

export interface Moved {
  readonly topic: string;
  readonly key: string;
  /** Undefined: it was not there. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/**
 * Facts that move by themselves and decide nothing that must hold later: free memory and space, ages and clocks, process
 * numbers, how files are packed on their way, what is noted for a rollback. Everything else counts, also what a later berth
 * asks for.
 */
const passing: readonly RegExp[] = [
  /^system (memoryBytes|unpacks)/,
  /^packages listsAgeSeconds$/,
  /^disks /,
  /^clock$/,
  /^health /,
  /^trouble /,
  /^units \S+ (mainProcess pid|startedAt)$/,
  /^install (applied|staleSince|interrupted|generations?|newest|history) ?/,
];

/** `sealed` makes a digest that is slow to guess from, for files that only their owner may read. */
export function basisOf(facts: Facts, sealed: (text: string) => string): Basis {
  const entries: [string, string][] = [];
  collect('', facts, entries, sealed);
  return Object.fromEntries(
    entries.filter(([key]) => !passing.some((pattern) => pattern.test(key))).toSorted(byKey),
  );
}

const byKey = ([one]: [string, string], [other]: [string, string]): number => (one < other ? -1 : 1);

function collect(
  key: string,
  value: unknown,
  entries: [string, string][],
  sealed: (text: string) => string,
): void {
  if (value === undefined || value === null) return;
  if (isFileFact(value)) {
    entries.push([key, fileText(value, sealed)]);
    return;
  }
  if (typeof value !== 'object') {
    entries.push([key, String(value)]);
    return;
  }
  for (const [name, inner] of childrenOf(value, sealed))
    collect(key === '' ? name : `${key} ${name}`, inner, entries, sealed);
}

/** Lists count by what is in them, not by where it stands: hosts report some in an order of their own. */
function childrenOf(value: object, sealed: (text: string) => string): (readonly [string, unknown])[] {
  if (value instanceof Map) return [...value].map(([name, inner]) => [String(name), inner]);
  if (value instanceof Set) return [...value].map((name) => [String(name), 'yes']);
  if (Array.isArray(value)) return value.map((entry) => [listed(entry, sealed), 'yes']);
  return Object.entries(value);
}

const listed = (entry: unknown, sealed: (text: string) => string): string =>
  typeof entry === 'string'
    ? entry
    : JSON.stringify(entry, (_key, value: unknown) => (isFileFact(value) ? fileText(value, sealed) : value));

const kinds = new Set(['absent', 'link', 'directory', 'other', 'file']);

const isFileFact = (value: unknown): value is FileFact =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  typeof value.kind === 'string' &&
  kinds.has(value.kind) &&
  !('path' in value);

function fileText(fact: FileFact, sealed: (text: string) => string): string {
  switch (fact.kind) {
    case 'file': {
      const isPrivate = (fact.mode & 0o077) === 0;
      return `file ${fact.mode.toString(8)} ${fact.owner} sha256 ${isPrivate ? sealed(fact.sha256) : fact.sha256}`;
    }
    case 'link':
      return `link to ${fact.target}`;
    case 'directory':
      return 'folder';
    default:
      return fact.kind;
  }
}

export const digestOfBasis = (basis: Basis): string =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(basis).toSorted(byKey)))
    .digest('hex');

/** What differs, in the order of the keys. */
export function movedBetween(before: Basis, now: Basis): Moved[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].toSorted();
  return keys
    .filter((key) => before[key] !== now[key])
    .map((whole) => {
      const [topic = '', ...rest] = whole.split(' ');
      return { topic, key: rest.join(' '), from: before[whole], to: now[whole] };
    });
}

/** `files /etc/crictl.yaml: file 644 0:0 sha256 1234… → absent` */
export const movedText = ({ topic, key, from, to }: Moved): string =>
  `${topic} ${key}: ${short(from)} → ${short(to)}`;

const short = (value: string | undefined): string =>
  (value ?? 'nothing').replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1…');
