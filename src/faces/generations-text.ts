import { counted, printable } from '../core/text.ts';
import type { Generation } from '../host/facts/generations.ts';
import type { Style } from './style.ts';
import { wrapped } from './wrapped.ts';

const endings = {
  done: 'done',
  failed: 'a step failed',
  stopped: 'stopped between two changes',
  cut: 'cut off',
} as const;

/** What became of a generation: how it ended, what the verification said, who undid it. */
const outcome = (generation: Generation, all: readonly Generation[]): string => {
  const { end, guardFired, verified } = generation;
  const undone = undoneBy(generation, all);
  return [
    endings[end],
    ...(guardFired ? ['a guarded change was not confirmed and undone'] : []),
    ...(verified === undefined ? [] : [`verified ${verified}`]),
    ...(undone === undefined ? [] : [`rolled back by ${undone}`]),
  ].join(', ');
};

/** A rollback that was itself rolled back undoes nothing any more. */
const undoneBy = ({ rolledBackBy }: Generation, all: readonly Generation[]): number | undefined => {
  const rollback = all.find(({ number }) => number === rolledBackBy);
  return rollback !== undefined && undoneBy(rollback, all) !== undefined ? undefined : rolledBackBy;
};

const what = ({ kind, to, changes }: Generation): string => {
  const count = changes === undefined ? '' : `, ${counted(changes, 'change')}`;
  if (kind === 'apply') return `apply${count}`;
  return `rollback to ${to === 0 ? 'before berth' : to}${count}`;
};

type Row = readonly [number: string, at: string, by: string, what: string, outcome: string];

const row = (generation: Generation, all: readonly Generation[]): Row => [
  String(generation.number),
  printable(generation.at),
  printable(generation.by),
  what(generation),
  outcome(generation, all),
];

const table = (rows: readonly Row[]): string[] => {
  const widths = rows.reduce<number[]>(
    (wide, cells) => cells.map((cell, column) => Math.max(wide[column] ?? 0, cell.length)),
    [],
  );
  return rows.map((cells) => {
    const padded = cells.map((cell, column) =>
      column === 0 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
    return `  ${padded.join('  ')}`.trimEnd();
  });
};

/** Where a table has no room: each generation, and below it what it was and came to. */
const list = (rows: readonly Row[], width: number): string[] => {
  const widest = Math.max(...rows.map(([number]) => number.length));
  const indent = widest + 4;
  return rows.flatMap(([number, at, by, what, outcome]) => [
    wrapped(`  ${number.padStart(widest)}  ${at}  ${by}`, width, indent),
    wrapped(`${' '.repeat(indent)}${what}: ${outcome}`, width, indent),
  ]);
};

const fitted = (rows: readonly Row[], width: number): string[] => {
  const lines = table(rows);
  return lines.every((line) => line.length <= width) ? lines : list(rows, width);
};

/** The generations of each host, the newest first. Without `width` lines are as long as they are. */
export const generationsText = (
  all: ReadonlyMap<string, readonly Generation[]>,
  { style, width = Number.POSITIVE_INFINITY }: { readonly style: Style; readonly width?: number },
): string =>
  [...all]
    .flatMap(([host, generations]) => [
      style('bold', host),
      ...(generations.length === 0 ? ['  none: berth has not changed it yet'] : []),
      ...fitted(
        generations.toReversed().map((each) => row(each, generations)),
        width,
      ),
      '',
    ])
    .join('\n');
