import { printable } from '../core/text.ts';
import type { Finding } from '../node/doctor/cause.ts';
import type { Style } from './style.ts';

const marks = { error: '✗', warning: '!', info: '·' } as const;
const colours = { error: 'red', warning: 'yellow', info: 'dim' } as const;

const oneLine = (text: string): string => printable(text).replace(/\s+/g, ' ').trim();

const findingLines = (finding: Finding, style: Style): string[] => {
  const { code, name, level, evidence, why, remedy, fix } = finding;
  const mark = style(colours[level], `${marks[level]} ${code} ${name}`);
  const lines = [`  ${mark}: ${oneLine(evidence)}`];
  // What is nothing to act on needs no explanation here; docs/doctor.md has it.
  if (level === 'info') return lines;
  lines.push(`      ${style('dim', why)}`, `      ${style('yellow', 'remedy')}: ${oneLine(remedy)}`);
  if (fix.length > 0)
    lines.push(`      ${style('green', '--fix')}: ${fix.map(({ summary }) => oneLine(summary)).join('; ')}`);
  return lines;
};

/** The findings of each host, worst first. */
export const findingsText = (findings: ReadonlyMap<string, readonly Finding[]>, style: Style): string => {
  const ranks = { error: 0, warning: 1, info: 2 } as const;
  const lines = [...findings].flatMap(([host, list]) => [
    style('bold', host),
    ...(list.length === 0 ? ['  nothing found'] : []),
    ...list
      .toSorted((one, other) => ranks[one.level] - ranks[other.level])
      .flatMap((finding) => findingLines(finding, style)),
    '',
  ]);
  return lines.join('\n');
};
