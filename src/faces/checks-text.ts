import type { Check } from '../core/events.ts';
import { counted, duration, printable, shortened } from '../core/text.ts';
import type { Style } from './style.ts';

/** Columns of the table: mark, identifier, what was checked, what was seen, time. */
interface Columns {
  readonly id: number;
  readonly title: number;
  readonly detail: number;
}

const timeWidth = 8;

const columnsFor = (checks: readonly Check[], width: number): Columns => {
  const id = Math.min(22, Math.max(...checks.map((check) => check.id.length)));
  // Mark and gaps take 8 of the width.
  const room = Math.max(20, width - id - timeWidth - 8);
  const title = Math.min(Math.floor(room / 2), Math.max(...checks.map((check) => check.title.length)));
  return { id, title, detail: room - title };
};

const cell = (text: string, width: number): string =>
  shortened(printable(text).replace(/\s+/g, ' ').trim(), width).padEnd(width);

const row = (check: Check, columns: Columns, style: Style): string => {
  const mark = check.ok ? style('green', '✓') : style('red', '✗');
  const id = cell(check.id, columns.id);
  const detail = cell(check.detail, columns.detail);
  const cells = [
    ` ${mark} ${check.ok ? id : style('red', id)}`,
    cell(check.title, columns.title),
    check.ok ? style('dim', detail) : style('red', detail),
    style('dim', duration(check.milliseconds).padStart(timeWidth)),
  ];
  return cells.join('  ').trimEnd();
};

const indented = (text: string): string[] =>
  printable(text)
    .trimEnd()
    .split('\n')
    .map((line) => `       ${line}`);

/** What a red check needs beside its row: its whole answer, the evidence and the remedy. */
export const failedCheckText = (check: Check, style: Style): string =>
  [
    `   ${style(['red', 'bold'], check.id)}: ${check.title}`,
    ...indented(check.detail),
    ...(check.evidence ?? []).flatMap(({ title, text }) => [
      `     ${style('bold', title)}`,
      ...indented(text),
    ]),
    ...(check.remedy === undefined ? [] : [`     ${style('yellow', 'remedy')}: ${check.remedy}`]),
  ].join('\n');

/** `all 19 checks are green`, `2 of 19 checks are red`. */
export const checksSummary = (checks: readonly Check[]): string => {
  const red = checks.filter((check) => !check.ok).length;
  if (red > 0) return `${red} of ${counted(checks.length, 'check')} ${red === 1 ? 'is' : 'are'} red`;
  return checks.length === 1 ? 'the check is green' : `all ${checks.length} checks are green`;
};

/** The verification of one host as a table of `width` columns, red checks explained below it. */
export const checksText = (
  host: string,
  checks: readonly Check[],
  options: { readonly width: number; readonly style: Style },
): string => {
  const { style } = options;
  if (checks.length === 0) return `${style('bold', host)}\n  ${style('red', 'nothing was checked')}\n`;
  const columns = columnsFor(checks, options.width);
  const red = checks.filter((check) => !check.ok);
  const total = checks.reduce((sum, check) => sum + check.milliseconds, 0);
  return [
    style('bold', host),
    ...checks.map((check) => row(check, columns, style)),
    ...red.map((check) => `\n${failedCheckText(check, style)}`),
    style(red.length === 0 ? 'green' : 'red', `${host}: ${checksSummary(checks)}, in ${duration(total)}`),
    '',
  ].join('\n');
};
