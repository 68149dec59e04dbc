import { isNode } from 'yaml';
import { printable, shortened } from '../../core/text.ts';
import { type Path, treeAt } from '../../profile/tree.ts';
import { ownText, rootOf } from './document.ts';
import type { Line } from './lines.ts';
import { focused, sectionOf } from './pages.ts';
import type { WizardState } from './state.ts';

/** Lines of the profile, first and last, counted from 0. */
export interface Range {
  readonly from: number;
  readonly to: number;
  /** Characters before the value in its line. */
  readonly column: number;
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length - 1;

/** Where the profile says what the row in focus asks; undefined: nowhere in its own file. */
export const rangeInFocus = (state: WizardState): Range | undefined => {
  const path = focused(state)?.path;
  return path === undefined ? undefined : rangeOf(state, path);
};

const rangeOf = (state: WizardState, path: Path): Range | undefined => {
  const found = treeAt(rootOf(state.sources), path);
  const text = ownText(state.sources);
  if (found === undefined || found.place.source.text !== text) return undefined;
  const { source, keyOffset, offset } = found.place;
  const node = source.document.getIn(found.place.path, true);
  const end = isNode(node) ? (node.range?.[1] ?? offset) : offset;
  const from = lineAt(text, keyOffset ?? offset);
  const column = offset - (text.lastIndexOf('\n', offset - 1) + 1);
  return { from, to: Math.max(from, lineAt(text, Math.max(offset, end - 1))), column };
};

/** Where the section of the step begins; one that is not there yet would come to the end of what it belongs to. */
const sectionLine = (state: WizardState): number => {
  const section = sectionOf(state);
  return rangeOf(state, section)?.from ?? rangeOf(state, section.slice(0, -1))?.to ?? 0;
};

/** Of so many lines, the first one in a window: `wanted`, as far as there are lines to fill it. */
export const firstOf = (wanted: number, count: number, height: number): number =>
  Math.max(0, Math.min(wanted, count - height));

/** A part of something longer, and how far it was scrolled of what was wanted. */
export interface Part {
  readonly lines: readonly Line[];
  readonly scrolled: number;
}

/** The part of the profile around the row in focus, in so many lines. */
export const yamlPart = (state: WizardState, size: { width: number; height: number }): Part => {
  const lines = ownText(state.sources).trimEnd().split('\n');
  const range = rangeInFocus(state);
  const start = range?.from ?? sectionLine(state);
  const around = firstOf(start - Math.floor(size.height / 3), lines.length, size.height);
  const from = firstOf(around + state.scrolled.profile, lines.length, size.height);
  const shown = lines.slice(from, from + size.height).map((text, index) => {
    const isInFocus = range !== undefined && from + index >= range.from && from + index <= range.to;
    const line = printable(text);
    const room = size.width - 2;
    // Of a long line, the value that the row is about.
    const isFar = isInFocus && range.from === range.to && range.column > room - 6;
    return yamlLine(shortened(isFar ? `…${line.slice(range.column)}` : line, room), isInFocus);
  });
  return { lines: shown, scrolled: from - around };
};

const yamlLine = (text: string, isInFocus: boolean): Line => {
  const gutter = isInFocus ? ({ text: '┃ ', look: 'cyan' } as const) : ({ text: '│ ', look: 'dim' } as const);
  if (/^\s*#/.test(text)) return [gutter, { text, look: 'dim' }];
  return [gutter, { text, ...(isInFocus ? { look: 'bold' as const } : {}) }];
};
