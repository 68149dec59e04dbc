import { type Lines, linesOf } from './lines.ts';

/** One apply or rollback that changed the host, as the host remembers it. */
export interface Generation {
  readonly number: number;
  /** `ops@laptop` */
  readonly by: string;
  /** When it began, as ISO 8601 by the host's clock. */
  readonly at: string;
  readonly kind: 'apply' | 'rollback';
  /** Of a rollback: the generation whose state it made again. */
  readonly to: number | undefined;
  /** Version of berth; undefined for generations of berth 0.1, which said less of itself. */
  readonly berth: string | undefined;
  /** The first digits of the digest of what the host followed. */
  readonly profile: string | undefined;
  readonly changes: number | undefined;
  /** How it ended. `cut`: it did not come to its end, and nobody said why. */
  readonly end: 'done' | 'failed' | 'stopped' | 'cut';
  /** Guarded changes of it were undone because nobody confirmed them. */
  readonly guardFired: boolean;
  readonly verified: 'green' | 'red' | undefined;
  /** Identifiers of the checks that were red; empty also where an older berth noted only that some were. */
  readonly red: readonly string[];
  /** The rollback that undid it. */
  readonly rolledBackBy: number | undefined;
}

/** Lines `generation NUMBER BY AT KIND TO BERTH PROFILE CHANGES OUTCOME,…`, oldest first. */
export const parseGenerations = (lines: Lines): Generation[] =>
  linesOf(lines, 'generation').map(parseGeneration);

function parseGeneration([
  number,
  by,
  at,
  kind,
  to,
  berth,
  profile,
  changes,
  told,
]: readonly string[]): Generation {
  const outcomes = (told ?? '').split(',').map((word) => word.split(':'));
  const last = (name: string) => outcomes.findLast(([word]) => word === name)?.[1];
  const has = (name: string) => outcomes.some(([word]) => word === name);
  const verified = last('verified');
  return {
    number: Number(number),
    by: by ?? '',
    at: at ?? '',
    kind: kind === 'rollback' ? 'rollback' : 'apply',
    to: numberOf(to),
    berth: textOf(berth),
    profile: textOf(profile),
    changes: numberOf(changes),
    end: has('end') ? 'done' : has('fail') ? 'failed' : has('stopped') ? 'stopped' : 'cut',
    guardFired: has('guard'),
    verified: verified === 'green' || verified === 'red' ? verified : undefined,
    red: verified === 'red' ? (last('red')?.split('+') ?? []) : [],
    rolledBackBy: numberOf(last('rolled-back')),
  };
}

const textOf = (field: string | undefined): string | undefined =>
  field === undefined || field === '-' || field === '' ? undefined : field;

const numberOf = (field: string | undefined): number | undefined =>
  textOf(field) === undefined ? undefined : Number(field);
