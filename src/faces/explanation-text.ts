import type { ExplainedFile, Explanation, Saying } from '../core/explanation.ts';
import { printable } from '../core/text.ts';
import type { Style } from './style.ts';

/** As YAML on one line would have it, near enough to be recognised. */
const valueText = (value: unknown): string =>
  value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value);

const sayingLines = (saying: Saying, style: Style): string[] => {
  const place = `${saying.file}:${saying.line}:${saying.column}`;
  const written = saying.written === undefined ? '' : style('dim', ` (written ${saying.written})`);
  const won = saying.part === 'won over' ? style('dim', ', won over') : '';
  return [
    `  ${style('bold', place)}  ${saying.layer}${won}`,
    `      ${saying.path}: ${valueText(saying.value)}${written}`,
  ];
};

const profileLines = ({ sayings, fallback }: Explanation, style: Style): string[] => {
  const won = sayings.length === 0 ? '' : style('dim', ', won over');
  const standard = `  ${style('bold', 'default')}  ${valueText(fallback)}${won}`;
  return [
    'said by',
    ...sayings.flatMap((saying) => sayingLines(saying, style)),
    ...(fallback === undefined && sayings.length > 0 ? [] : [standard]),
  ];
};

const states = {
  'as rendered': 'on the host as rendered',
  differs: 'another on the host: see berth plan',
  absent: 'not on the host',
} as const;

const fileLines = ({ path, lines, onHost }: ExplainedFile, style: Style): string[] => {
  const state =
    onHost === undefined ? '' : style(onHost === 'as rendered' ? 'dim' : 'yellow', states[onHost]);
  return [
    `  ${style('bold', path)}  ${state}`.trimEnd(),
    ...lines.map(({ number, text }) => `${String(number).padStart(6)} | ${text}`),
  ];
};

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines];

/** Where a value comes from and what becomes of it, as a person reads it. */
export const explanationText = (explanation: Explanation, style: Style): string => {
  const { host, path, value, files, deeds, effective = [] } = explanation;
  const lines = [
    `${style('bold', `${host}: ${path}`)} = ${valueText(value)}`,
    '',
    ...profileLines(explanation, style),
    ...section(
      'decides about',
      files.flatMap((file) => fileLines(file, style)),
    ),
    ...section(
      'and',
      deeds.map((deed) => `  ${deed}`),
    ),
    ...section(
      'on the host',
      effective.map((line) => `  ${line}`),
    ),
  ];
  return `${printable(lines.join('\n'))}\n`;
};
