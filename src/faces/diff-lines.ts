import { printable } from '../core/text.ts';
import type { Style } from './style.ts';

const diffLine = (line: string, style: Style): string => {
  if (line.startsWith('@@')) return style('cyan', line);
  if (line.startsWith('+++') || line.startsWith('---')) return style('bold', line);
  if (line.startsWith('+')) return style('green', line);
  return line.startsWith('-') ? style('red', line) : line;
};

/** A unified diff in colours, indented. Its lines are never broken: they can be copied. */
export const diffLines = (diff: string, style: Style): string[] =>
  printable(diff)
    .trimEnd()
    .split('\n')
    .map((line) => `      ${diffLine(line, style)}`);
