import { type Generation, parseGenerations } from './generations.ts';
import { decode, fieldOf, type Lines, linesOf } from './lines.ts';

/** What the host itself remembers of earlier applies; `host/script/state.ts` describes the files. */
export interface InstallFacts {
  /** How things were before berth touched them first, in the order of touching. */
  readonly origins: readonly OriginRecord[];
  /** Digest of what berth last wrote to a path. */
  readonly applied: ReadonlyMap<string, string>;
  /** Units that run with what was there before a change. */
  readonly stale: ReadonlySet<string>;
  /** When that was noted, by unit, in whole seconds since the epoch by the host's clock. */
  readonly staleSince: ReadonlyMap<string, number>;
  /** What changed the host, oldest first; old ones are forgotten. */
  readonly generations: readonly Generation[];
  /** Length of the newest generation's journal: it grows while an apply that was cut off is still at its last change. */
  readonly journalBytes: number;
  /** A guard of an apply that was cut off is about to undo its changes, unless a new connection confirms them. */
  readonly guarded: boolean;
  /** The last apply, when it did not come to its end. */
  readonly interrupted: Interrupted | undefined;
}

export interface Interrupted {
  readonly by: string;
  /** The change that it was at, or that it had made last. */
  readonly step: string;
  readonly kind: Generation['kind'];
  readonly end: Exclude<Generation['end'], 'done'>;
}

const endings = {
  failed: { what: 'failed', where: 'at' },
  stopped: { what: 'was stopped', where: 'after' },
  cut: { what: 'was cut off', where: 'at' },
} as const;

/** `an apply by root at desk was cut off at file:/etc/hosts`. */
export const howItEnded = ({ by, step, kind, end }: Interrupted): string => {
  const { what, where } = endings[end];
  const who = `${kind === 'apply' ? 'an apply' : 'a rollback'} by ${by.replace('\t', ' at ')}`;
  return `${who} ${what}${step === '' ? '' : ` ${where} ${step}`}`;
};

export type OriginRecord =
  | { readonly kind: 'file'; readonly path: string; readonly before: FileBefore }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'unit'; readonly name: string; readonly fileState: string; readonly activeState: string }
  | { readonly kind: 'sysctl'; readonly key: string; readonly value: string }
  | { readonly kind: 'module'; readonly name: string }
  | { readonly kind: 'interface'; readonly name: string }
  | { readonly kind: 'fix' | 'lines'; readonly name: string }
  /** `script`: what undoes a step, for sh; safe to run more than once. */
  | { readonly kind: 'undo'; readonly name: string; readonly script: string };

export type FileBefore =
  | { readonly kind: 'absent' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly sha256: string; readonly mode: number; readonly owner: string };

export const parseInstall = (lines: Lines): InstallFacts => ({
  origins: records(fieldOf(lines, 'origin')).flatMap(parseOrigin),
  applied: new Map(records(fieldOf(lines, 'applied')).map(([path = '', sha256 = '']) => [path, sha256])),
  stale: new Set(linesOf(lines, 'stale').map(([unit = '']) => unit)),
  staleSince: new Map(linesOf(lines, 'stale').map(([unit = '', since]) => [unit, Number(since)])),
  generations: parseGenerations(lines),
  guarded: linesOf(lines, 'guarded').length > 0,
  journalBytes: Number(linesOf(lines, 'journal')[0]?.[0] ?? 0),
  interrupted: parseInterrupted(lines),
});

function parseInterrupted(lines: Lines): Interrupted | undefined {
  const [line] = linesOf(lines, 'interrupted');
  if (line === undefined) return undefined;
  const [by, last] = line.map((field) => decode(field).toString('utf8').trim());
  const { kind = 'apply', end = 'cut' } = parseGenerations(lines).at(-1) ?? {};
  const step = last?.split('\t')[1] ?? '';
  return { by: by ?? '', step, kind, end: end === 'done' ? 'cut' : end };
}

export const records = (field: string): string[][] =>
  decode(field)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));

export function parseOrigin([kind, name = '', ...rest]: readonly string[]): OriginRecord[] {
  switch (kind) {
    case 'file':
      return [{ kind, path: name, before: parseBefore(rest) }];
    case 'folder':
      return [{ kind, path: name }];
    case 'package':
    case 'module':
    case 'interface':
    case 'fix':
    case 'lines':
      return [{ kind, name }];
    case 'unit':
      return [{ kind, name, fileState: rest[0] ?? '', activeState: rest[1] ?? '' }];
    case 'sysctl':
      return [{ kind, key: name, value: rest[0] ?? '' }];
    case 'undo':
      return [{ kind, name, script: decode(rest[0]).toString('utf8') }];
    default:
      // Written by a newer berth; it is not ours to interpret, and reset leaves it alone.
      return [];
  }
}

function parseBefore([kind, ...rest]: readonly string[]): FileBefore {
  if (kind === 'link') return { kind, target: rest[0] ?? '' };
  if (kind !== 'file') return { kind: 'absent' };
  return { kind, sha256: rest[0] ?? '', mode: Number.parseInt(rest[1] ?? '644', 8), owner: rest[2] ?? '0:0' };
}
