import type { Format } from '../style.ts';

/** A piece of a line, and how it looks where colours are wanted; what it says must not depend on that. */
export interface Span {
  readonly text: string;
  readonly look?: Format;
}

export type Line = readonly Span[];

export const line = (text: string, look?: Format): Line => [
  { text, ...(look === undefined ? {} : { look }) },
];

/** A ✗ or a → that would stand alone says of nothing what it is. */
const isMark = (text: string): boolean => [...text.trim()].length === 1;

/** `text` in lines of at most `width` columns; words that are longer are cut, because what is not seen cannot be done. */
export const folded = (text: string, width: number, indent = 0): string[] => {
  const room = Math.max(8, width);
  const [start = ''] = /^ */.exec(text) ?? [];
  const lines: string[] = [];
  let current = start;
  const push = (next: string): void => {
    lines.push(current.trimEnd());
    current = ' '.repeat(indent) + next;
  };
  for (const word of text.trim().split(/ +/)) {
    const glue = current.trim() === '' ? '' : ' ';
    if ([...current, ...glue, ...word].length <= room || isMark(current)) current += glue + word;
    else push(word);
    while ([...current].length > room) {
      const characters = [...current];
      current = characters.slice(0, room).join('');
      push(characters.slice(room).join(''));
    }
  }
  return [...lines, current.trimEnd()];
};

/** Lines that begin in the first column flow into each other; others stand for themselves. */
export const foldedAll = (text: string, width: number): string[] =>
  text.split(/\n(?=\s)|(?<=^\s.*)\n/m).flatMap((paragraph) => folded(paragraph.replaceAll('\n', ' '), width));

/** Of `text`, the part around `cursor` that fits into `width` columns, and where the cursor is in it. */
export const around = (
  text: string,
  cursor: number,
  width: number,
): { readonly shown: string; readonly at: number } => {
  // One column is for the cursor behind the last character.
  const room = Math.max(4, width - 1);
  if (text.length <= room) return { shown: text, at: cursor };
  const from = Math.max(0, Math.min(cursor - Math.floor(room / 2), text.length - room));
  const shown = text.slice(from, from + room);
  return { shown: `${from > 0 ? '…' : shown.slice(0, 1)}${shown.slice(1)}`, at: cursor - from };
};
