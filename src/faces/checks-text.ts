import type { Check } from '../core/events.ts';
import { counted, duration, printable, shortened } from '../core/text.ts';
import type { Style } from './style.ts';

/** Columns of the table: mark, identifier, what was checked, what was seen, time. */
interface Columns {
  readonly id: number;
  readonly title: number;
  readonly detail: number;
  readonly time: number;
}

const longest = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length));

const columnsFor = (checks: readonly Check[], width: number): Columns => {
  const id = Math.min(20, longest(checks.map((check) => check.id)));
  const time = longest(checks.map((check) => duration(check.milliseconds)));
  // Mark and gaps take 9 of the width.
  const room = Math.max(20, width - id - time - 9);
  const title = Math.min(longest(checks.map((check) => check.title)), Math.ceil(room / 2));
  return { id, title, detail: Math.min(longest(checks.map((check) => check.detail)), room - title), time };
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
    style('dim', duration(check.milliseconds).padStart(columns.time)),
  ];
  return cells.join('  ').trimEnd();
};

/** Evidence is shown from its end; --json has all of it. */
const shownLines = 30;

const indented = (text: string): string[] => {
  const lines = printable(text).trimEnd().split('\n');
  const cut = lines.length - shownLines;
  return [...(cut > 0 ? [`… ${cut} lines before`] : []), ...lines.slice(-shownLines)].map(
    (line) => `       ${line}`,
  );
};

const evidenceLines = (check: Check, shown: Set<string>, style: Style): string[] =>
  (check.evidence ?? []).flatMap(({ title, text }) => {
    if (shown.has(title + text)) return [];
    shown.add(title + text);
    return [`     ${style('bold', title)}`, ...indented(text)];
  });

/** What a red check needs beside its row: its whole answer, the evidence that is not `shown` yet, and the remedy. */
const redCheckText = (check: Check, shown: Set<string>, style: Style): string =>
  [
    '',
    `   ${style(['red', 'bold'], check.id)}: ${check.title}`,
    ...indented(check.detail),
    ...evidenceLines(check, shown, style),
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
  const shown = new Set<string>();
  const total = checks.reduce((sum, check) => sum + check.milliseconds, 0);
  return [
    style('bold', host),
    ...checks.map((check) => row(check, columns, style)),
    ...red.map((check) => redCheckText(check, shown, style)),
    '',
    style(red.length === 0 ? 'green' : 'red', `${host}: ${checksSummary(checks)}, in ${duration(total)}`),
    '',
  ].join('\n');
};
