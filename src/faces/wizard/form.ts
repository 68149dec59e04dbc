import { printable, shortened } from '../../core/text.ts';
import { around, folded, type Line, line } from './lines.ts';
import { focused, rowsOf } from './pages.ts';
import { isRow, type NoteRow, type PageRow, type Row, type TextRow } from './rows.ts';
import type { WizardState } from './state.ts';

const looks = { good: 'green', bad: 'red', warn: 'yellow', dim: 'dim', bold: 'bold' } as const;

export interface Form {
  readonly lines: readonly Line[];
  /** The first line of each row. */
  readonly starts: ReadonlyMap<string, number>;
  /** Of the row in focus. */
  readonly focus: { readonly from: number; readonly to: number };
  /** Where the next character goes; undefined: the row in focus is no text. */
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
}

/** The rows of the page in lines of at most `width` columns. */
export const formOf = (state: WizardState, width: number): Form => {
  const rows = rowsOf(state);
  const inFocus = focused(state);
  const label = labelWidth(rows, width);
  const lines: Line[] = [];
  const starts = new Map<string, number>();
  let focus = { from: 0, to: 0 };
  let cursor: Form['cursor'];
  for (const row of rows) {
    const isFocus = isRow(row) && row.id === inFocus?.id;
    const from = lines.length;
    if (isRow(row)) starts.set(row.id, from);
    const drawn = isRow(row)
      ? rowLines(row, { isFocus, width, label, cursor: state.cursor })
      : { lines: noteLines(row, width), x: undefined };
    lines.push(...drawn.lines);
    if (!isFocus) continue;
    focus = { from, to: lines.length - 1 };
    if (drawn.x !== undefined) cursor = { x: drawn.x, y: from };
  }
  return { lines, starts, focus, cursor };
};

/** All values begin in one column, as far as that leaves them half of the width. */
const labelWidth = (rows: readonly PageRow[], width: number): number => {
  const labels = rows.flatMap((row) =>
    row.kind === 'text' || row.kind === 'choice' ? [row.label.length] : [],
  );
  return Math.min(Math.max(0, ...labels), Math.floor(width / 2) - 3);
};

const noteLines = ({ text, look }: NoteRow, width: number): Line[] =>
  folded(printable(text), width - 2, 4).map((part) =>
    line(`  ${part}`, look === undefined ? undefined : looks[look]),
  );

interface Drawing {
  readonly isFocus: boolean;
  readonly width: number;
  readonly label: number;
  readonly cursor: number | undefined;
}

interface Drawn {
  readonly lines: Line[];
  /** Column of the cursor. */
  readonly x?: number | undefined;
}

const rowLines = (row: Row, drawing: Drawing): Drawn => {
  const drawn = row.kind === 'text' ? textLine(row, drawing) : plainLine(row, drawing);
  if (row.problem === undefined) return drawn;
  const problem = folded(`✗ ${printable(row.problem)}`, drawing.width - 4, 2);
  return { ...drawn, lines: [...drawn.lines, ...problem.map((part) => line(`    ${part}`, 'red'))] };
};

const mark = (isFocus: boolean): Line[number] => (isFocus ? { text: '› ', look: 'cyan' } : { text: '  ' });

const labelled = (row: Row, { isFocus, label }: Drawing): Line => [
  mark(isFocus),
  { text: `${shortened(row.label, label).padEnd(label)}  `, ...(isFocus ? { look: 'bold' as const } : {}) },
];

const textLine = (row: TextRow, drawing: Drawing): Drawn => {
  const { isFocus, width, label, cursor } = drawing;
  const room = width - label - 4;
  const text = printable(row.text);
  const start = labelled(row, drawing);
  if (text === '' && !isFocus)
    return { lines: [[...start, { text: shortened(`(${row.empty})`, room), look: 'dim' }]] };
  if (text === '') {
    const empty = row.empty === '' ? '' : ` (${row.empty})`;
    return { lines: [[...start, { text: shortened(empty, room), look: 'dim' }]], x: label + 4 };
  }
  if (!isFocus) return { lines: [[...start, { text: shortened(text, room) }]] };
  const { shown, at } = around(text, Math.min(cursor ?? text.length, text.length), room);
  return { lines: [[...start, { text: shown, look: 'underline' }]], x: label + 4 + at };
};

const plainLine = (row: Exclude<Row, TextRow>, drawing: Drawing): Drawn => {
  const { isFocus, width } = drawing;
  const look = isFocus ? ({ look: 'bold' } as const) : {};
  if (row.kind === 'choice') return { lines: [[...labelled(row, drawing), ...choices(row, drawing)]] };
  const sign = row.kind === 'switch' ? (row.on ? '[x] ' : '[ ] ') : '▸ ';
  const text = shortened(printable(labelIn(row, width - 2 - sign.length)), width - 2 - sign.length);
  return { lines: [[mark(isFocus), { text: sign + text, ...look }]] };
};

/** The label of the row, with as much of the end of its path as has room. */
const labelIn = (row: Exclude<Row, TextRow>, room: number): string => {
  const { label } = row;
  if (row.kind !== 'action' || row.file === undefined || label.length <= room) return label;
  const kept = Math.max(2, row.file.length - (label.length - room) - 1);
  const end = `…${row.file.slice(-kept)}`;
  return label.replace(row.file, () => end);
};

/** All options where they fit; else the chosen one, and how many there are. */
const choices = (row: Extract<Row, { kind: 'choice' }>, { width, label }: Drawing): Line => {
  const room = width - label - 4;
  const spans = row.options.map((option, index) => {
    const gap = index === 0 ? '' : '  ';
    return option === row.chosen
      ? ({ text: `${gap}● ${option}`, look: 'cyan' } as const)
      : ({ text: `${gap}○ ${option}`, look: 'dim' } as const);
  });
  if (spans.reduce((sum, { text }) => sum + text.length, 0) <= room) return spans;
  const at = row.options.indexOf(row.chosen) + 1;
  const count = ` ${at}/${row.options.length}`;
  return [
    { text: `● ${shortened(row.chosen, room - count.length - 2)}`, look: 'cyan' },
    { text: count, look: 'dim' },
  ];
};
