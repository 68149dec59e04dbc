import { shortened } from '../../core/text.ts';

/** A piece of a line in one look. */
export interface Span {
  readonly text: string;
  readonly colour?: 'green' | 'red' | 'yellow' | 'cyan';
  readonly bold?: true;
  readonly dim?: true;
}

/** One row of the terminal. */
export type Line = readonly Span[];

export const plain = (text: string): Span => ({ text });
export const dim = (text: string): Span => ({ text, dim: true });
export const bold = (text: string): Span => ({ text, bold: true });

export const widthOf = (line: Line): number => line.reduce((sum, { text }) => sum + text.length, 0);

/** The line in at most `width` columns; an ellipsis shows that something is missing. */
export const cut = (line: Line, width: number): Line => {
  const kept: Span[] = [];
  let left = width;
  for (const span of line) {
    if (left <= 0) break;
    const isLast = widthOf(line) <= width || span.text.length < left;
    kept.push({ ...span, text: isLast ? span.text : shortened(span.text, left) });
    left -= span.text.length;
  }
  return kept;
};

/** `right` at the right end of `width` columns, where both have room. */
export const spread = (left: Line, right: Line, width: number): Line => {
  const gap = width - widthOf(left) - widthOf(right);
  return gap < 2 ? cut(left, width) : [...left, plain(' '.repeat(gap)), ...right];
};

/** A text in rows of at most `width` columns, broken at blanks where there are some; later rows are indented like the first. */
export const rowsOf = (text: string, width: number): readonly string[] => {
  const indent = Math.min(/^ */.exec(text)?.[0].length ?? 0, Math.floor(width / 2));
  const rows: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(' ', width);
    const at = blank > indent ? blank : width;
    rows.push(rest.slice(0, at));
    rest = ' '.repeat(indent) + rest.slice(at).trimStart();
  }
  return [...rows, rest];
};

/** `done` of `total` as a bar of `width` columns. */
export const bar = (done: number, total: number, width: number): string => {
  const share = total <= 0 ? 0 : Math.min(1, done / total);
  const filled = Math.floor(share * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
};

/** What the keys mean has a mark that needs no colour. */
export const pointer = (isChosen: boolean): Span => (isChosen ? bold('› ') : plain('  '));
