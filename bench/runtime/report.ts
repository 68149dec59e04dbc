import { type Budget, round } from './budgets.ts';
import { LIFE } from './life.ts';
import type { Peer } from './peer.ts';
import type { Samples } from './samples.ts';

/** A figure of both sides. */
export interface Row {
  readonly figure: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number;
  readonly budget?: Budget;
}

/** One row a figure; the ratio is ours to theirs. */
export const ratioTable = (rows: readonly Row[], names: readonly string[]): string =>
  table([
    ['', ...names, 'ratio', 'budget', ''],
    ...rows.map(({ figure, unit, ours, theirs, budget }) => [
      `${figure}, ${unit}`,
      round(ours),
      round(theirs),
      (ours / theirs).toFixed(2),
      budget?.text ?? '',
      budget === undefined ? '' : budget.reached ? 'reached' : 'missed',
    ]),
  ]);

/** What a step costs beyond the calls that it consists of: our own time. */
export const floorTable = (floor: Samples, { name, samples }: Peer): string =>
  table([
    ['p50, ms', 'floor', name, 'own time'],
    ...[...LIFE, 'ExecSync'].map((step) => {
      const [least, ours] = [floor.median(step), samples.median(step)];
      return [step, round(least), round(ours), round(ours - least)];
    }),
  ]);

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('   ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
};
