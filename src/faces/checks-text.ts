import { type Check, type Grade, isRed, type Verification } from '../core/events.ts';
import { counted, duration, printable, shortened } from '../core/text.ts';
import { EvidenceText } from './evidence-text.ts';
import type { Style } from './style.ts';
import { wrapped } from './wrapped.ts';

/** Breaks a line where it is too long; the rest of it comes under its words, `indent` columns from the left. */
type Fold = (line: string, indent: number) => string;

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

/** Green, but worth a word. */
const isWarning = (check: Check): boolean => check.ok && check.remedy !== undefined;

/** How a check stands out: its mark, and the colour of its words where they are not plain. */
const looksOf = (check: Check): { readonly mark: string; readonly colour: 'green' | 'yellow' | 'red' } => {
  if (isRed(check)) return { mark: '✗', colour: 'red' };
  if (check.notRun) return { mark: '–', colour: 'yellow' };
  return isWarning(check) ? { mark: '!', colour: 'yellow' } : { mark: '✓', colour: 'green' };
};

const row = (check: Check, columns: Columns, style: Style): string => {
  const { mark, colour } = looksOf(check);
  const id = cell(check.id, columns.id);
  const detail = cell(check.detail, columns.detail);
  const cells = [
    ` ${style(colour, mark)} ${colour === 'green' ? id : style(colour, id)}`,
    cell(check.title, columns.title),
    style(colour === 'green' ? 'dim' : colour, detail),
    style('dim', duration(check.milliseconds).padStart(columns.time)),
  ];
  return cells.join('  ').trimEnd();
};

const gradeTitles: Readonly<Record<Grade, string>> = {
  smoke: 'smoke: services, socket, versions, configuration',
  node: 'node: pods as workloads use them',
  full: 'full: restarts, limits, conformance',
  reboot: 'after the reboot',
};

/** The rows, with a heading above each grade where there are several. */
const rows = (checks: readonly Check[], columns: Columns, style: Style): string[] => {
  const graded = new Set(checks.map((check) => check.grade)).size > 1;
  return checks.flatMap((check, index) => {
    const { grade } = check;
    const begins = graded && grade !== undefined && grade !== checks[index - 1]?.grade;
    return [...(begins ? [` ${style('bold', gradeTitles[grade])}`] : []), row(check, columns, style)];
  });
};

/** The whole answer, which the table may have cut short. */
const answerLines = ({ detail }: Check): string[] =>
  printable(detail)
    .trimEnd()
    .split('\n')
    .slice(-12)
    .map((line) => `       ${shortened(line, 2000)}`);

/** Colours take no columns: they come after the folding. */
const remedyLines = (remedy: string | undefined, fold: Fold, style: Style): string[] =>
  remedy === undefined
    ? []
    : [fold(`     remedy: ${remedy}`, 13).replace('remedy', style('yellow', 'remedy'))];

/** What a red check needs beside its row: its whole answer, the evidence that was not shown yet, and the remedy. */
const redCheckText = (check: Check, evidence: EvidenceText, fold: Fold, style: Style): string =>
  [
    '',
    `   ${style(['red', 'bold'], check.id)}: ${check.title}`,
    ...[...answerLines(check), ...evidence.linesOf(check)].map((line) => fold(line, 9)),
    ...remedyLines(check.remedy, fold, style),
  ].join('\n');

/** `all 19 checks are green`, `2 of 19 checks are red`, `18 checks are green, one was not run`. */
export const checksSummary = (checks: readonly Check[]): string => {
  const red = checks.filter(isRed).length;
  const skipped = checks.filter((check) => check.notRun).length;
  const notRun = skipped === 0 ? '' : `, ${skipped === 1 ? 'one was' : `${skipped} were`} not run`;
  if (red > 0) return `${red} of ${counted(checks.length, 'check')} ${red === 1 ? 'is' : 'are'} red${notRun}`;
  if (skipped > 0) {
    const green = checks.length - skipped;
    return `${counted(green, 'check')} ${green === 1 ? 'is' : 'are'} green${notRun}`;
  }
  return checks.length === 1 ? 'the check is green' : `all ${checks.length} checks are green`;
};

/** Whose checks they are: a host that went back was verified twice. */
export const whose = (host: string, { wentBack }: Verification): string =>
  wentBack ? `${host}, after going back` : host;

/** Why a check was not run, or what a warning asks for: the table may have cut it short. */
const wordsBelow = (checks: readonly Check[], fold: Fold, style: Style): string[] => {
  const told = checks.filter((check) => check.notRun || isWarning(check));
  if (told.length === 0) return [];
  return [
    '',
    ...told.flatMap(({ id, detail, remedy }) => [
      fold(`   ${id}: ${printable(detail).replace(/\s+/g, ' ').trim()}`, 7).replace(id, style('yellow', id)),
      ...remedyLines(remedy, fold, style),
    ]),
  ];
};

/**
 * The verification of one host as a table of `width` columns, red checks explained below it; what is told there is as wide too
 * where it `folds`, for people before a terminal.
 */
export const checksText = (
  host: string,
  verification: Verification,
  options: { readonly width: number; readonly style: Style; readonly folds?: boolean },
): string => {
  const { style } = options;
  const { checks, milliseconds } = verification;
  const name = whose(host, verification);
  const fold: Fold = (line, indent) => (options.folds ? wrapped(line, options.width, indent) : line);
  if (checks.length === 0) return `${style('bold', name)}\n  ${style('red', 'nothing was checked')}\n`;
  const columns = columnsFor(checks, options.width);
  const red = checks.filter(isRed);
  const outcome = red.length > 0 ? 'red' : checks.some((check) => check.notRun) ? 'yellow' : 'green';
  const evidence = new EvidenceText(style);
  return [
    style('bold', name),
    ...rows(checks, columns, style),
    ...wordsBelow(checks, fold, style),
    ...red.map((check) => redCheckText(check, evidence, fold, style)),
    ...(evidence.rest === undefined ? [] : ['', `   ${style('dim', evidence.rest)}`]),
    '',
    style(outcome, `${name}: ${checksSummary(checks)}, in ${duration(milliseconds)}`),
    '',
  ].join('\n');
};
