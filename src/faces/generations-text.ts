import { counted, printable } from '../core/text.ts';
import type { Generation } from '../host/facts/generations.ts';
import type { Style } from './style.ts';

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

const row = (generation: Generation, all: readonly Generation[]): readonly string[] => [
  String(generation.number),
  generation.at,
  generation.by,
  what(generation),
  outcome(generation, all),
];

const table = (rows: readonly (readonly string[])[]): string[] => {
  const widths = rows.reduce<number[]>(
    (wide, cells) => cells.map((cell, column) => Math.max(wide[column] ?? 0, cell.length)),
    [],
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
};

/** The generations of each host, the newest first. */
export const generationsText = (all: ReadonlyMap<string, readonly Generation[]>, style: Style): string =>
  [...all]
    .flatMap(([host, generations]) => [
      style('bold', host),
      ...(generations.length === 0 ? ['  none: berth has not changed it yet'] : []),
      ...table(generations.toReversed().map((each) => row(each, generations).map(printable))).map(
        (line) => `  ${line}`,
      ),
      '',
    ])
    .join('\n');
