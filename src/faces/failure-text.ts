import { CommandFailed, type Fail } from '../core/fail.ts';
import { printable } from '../core/text.ts';
import { problemsOf } from '../profile/problem.ts';
import { cutFrame } from './cut-frame.ts';
import type { Style } from './style.ts';
import { wrapped } from './wrapped.ts';

/** Output of a failed command is shown from its end, where the reason usually stands. */
const shownLines = 20;

const tail = (text: string): string[] => {
  const lines = printable(text).trimEnd().split('\n');
  const cut = lines.length - shownLines;
  return [
    ...(cut > 0 ? [`  … ${cut} lines before`] : []),
    ...lines.slice(-shownLines).map((line) => `  ${line}`),
  ];
};

/** A whole script as an argument would bury what it printed. */
const shownArgument = (argument: string): string => (argument.includes('\n') ? "'…'" : argument);

const commandLines = (error: CommandFailed, style: Style): string[] => [
  `  ${style('dim', '$')} ${printable(error.argv.map(shownArgument).join(' '))}`,
  ...[error.stderr, error.stdout].filter((output) => output.trim() !== '').flatMap(tail),
];

const problemLines = (error: Fail, style: Style, width: number): string[] =>
  problemsOf(error).flatMap(({ file, line, column, message, frame }) => [
    wrapped(`${file}:${line}:${column}: ${printable(message)}`, width, 4),
    style('dim', cutFrame(printable(frame), width)),
  ]);

/** Causes below the first message, each once: an error often repeats what it wraps. */
const causeLines = (error: Fail): string[] => {
  const lines: string[] = [];
  let known = error.message;
  for (let cause = error.cause; cause instanceof Error && lines.length < 5; cause = cause.cause) {
    if (!known.includes(cause.message)) lines.push(`  because ${printable(cause.message)}`);
    known += cause.message;
  }
  return lines;
};

/** A failure as a person reads it: what and where, the evidence, the remedy. Without `width` lines are as long as they are. */
export const failureText = (
  error: Fail,
  options: { readonly style: Style; readonly verbose: boolean; readonly width?: number },
): string => {
  const { style, width = Number.POSITIVE_INFINITY } = options;
  const origin = error.cause instanceof Error ? error.cause : error;
  const stack = options.verbose || error.code === 'Internal' ? [style('dim', origin.stack ?? '')] : [];
  return [
    ...problemLines(error, style, width),
    `${style(['red', 'bold'], 'berth')}: ${printable(error.message)} ${style('dim', `[${error.code}]`)}`,
    ...(error instanceof CommandFailed ? commandLines(error, style) : []),
    ...causeLines(error),
    ...(error.hint === undefined ? [] : [`${style('yellow', 'hint')}: ${printable(error.hint)}`]),
    ...stack,
    '',
  ].join('\n');
};
