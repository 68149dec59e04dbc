import { printable, shortened } from '../../core/text.ts';
import { profileFile } from '../../profile/parse-profile.ts';
import { type Form, formOf } from './form.ts';
import { folded, foldedAll, type Line, line } from './lines.ts';
import { focused, titleOf } from './pages.ts';
import type { Row } from './rows.ts';
import { type Scrolled, stepNames, unscrolled, type WizardState } from './state.ts';
import { firstOf, type Part, yamlPart } from './yaml-pane.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A screen, in lines: `beside` has as many as `form` when the profile lies beside it, and none when it lies below. */
export interface Frame {
  readonly head: readonly Line[];
  readonly form: readonly Line[];
  readonly formWidth: number;
  readonly beside: readonly Line[];
  readonly below: readonly Line[];
  readonly foot: readonly Line[];
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
  /** Of what is wanted, as far as there are lines. */
  readonly scrolled: Scrolled;
}

/** From here on the profile has room beside the form. */
const wideFrom = 72;
/** More would only part labels from what they are about. */
const widestForm = 60;

const keys = {
  wide: '↑↓ move  ←→ choose  Enter take  ? explain  Ctrl-N on  Esc back  Ctrl-C leave',
  narrow: '↑↓←→ Enter  ? why  ^N on  Esc back  ^C',
  question: 'Enter answer  Esc without  Ctrl-C leave',
} as const;

/** The title, and whether the page has rows above or below those that are seen. */
const titleLine = (state: WizardState, columns: number, more: string): Line => [
  { text: shortened(titleOf(state), columns - more.length).padEnd(columns - more.length), look: 'bold' },
  { text: more, look: 'dim' },
];

const headOf = (state: WizardState, { columns, rows }: Size, more = ''): Line[] => {
  const count = `${stepNames.indexOf(state.step) + 1}/${stepNames.length}`;
  const name = shortened(
    `berth init  ${printable(profileFile(state.sources.files))}`,
    columns - count.length - 1,
  );
  return [
    [
      { text: name.padEnd(columns - count.length), look: 'dim' },
      { text: count, look: 'dim' },
    ],
    titleLine(state, columns, more),
    ...(rows >= 24 ? [line('')] : []),
  ];
};

/** The first lines of a text; where it has more, the last of them says so. */
const cut = (lines: readonly string[], { width, height }: { width: number; height: number }): string[] =>
  lines.length <= height || height < 1
    ? lines.slice(0, Math.max(0, height))
    : [...lines.slice(0, height - 1), shortened(`${lines[height - 1]} …`, width)];

const footOf = ({ notice, busy, question }: WizardState, { columns, rows }: Size): Line[] => {
  const wide = columns >= wideFrom;
  const told =
    notice === undefined
      ? busy === undefined
        ? [line('')]
        : [line(shortened(`… ${busy}`, columns), 'cyan')]
      : cut(folded(printable(notice.text), columns), { width: columns, height: Math.floor(rows / 3) }).map(
          (part) => line(part, notice.level === 'bad' ? 'red' : 'green'),
        );
  const known = question === undefined ? (wide ? keys.wide : keys.narrow) : keys.question;
  return [...told, line(shortened(known, columns), 'dim')];
};

/** What `?` shows of the row in focus. */
export const explanation = (state: WizardState): string | undefined => {
  const row = focused(state);
  return state.explains && row !== undefined
    ? `${row.label}: ${row.explain || 'no more to say.'}`
    : undefined;
};

const explained = (state: WizardState, width: number, height: number): Line[] => {
  const text = explanation(state);
  if (text === undefined) return [];
  const lines = cut(foldedAll(text, width - 2), { width: width - 2, height });
  return lines.map((part) => line(`│ ${part}`, 'yellow'));
};

/** The lines around the focus that fit. */
const windowed = (lines: readonly Line[], focus: { from: number; to: number }, height: number): number => {
  if (lines.length <= height) return 0;
  const wanted = focus.from - Math.floor(height / 2);
  const showsAll = Math.max(wanted, focus.to - height + 1);
  return firstOf(Math.min(showsAll, focus.from), lines.length, height);
};

const filled = (lines: readonly Line[], height: number): Line[] => [
  ...lines.slice(0, height),
  ...Array.from({ length: Math.max(0, height - lines.length) }, () => line('')),
];

/** Where less has room nobody can answer. */
const smallest = { columns: 24, rows: 10 } as const;

const tooSmall = ({ columns, rows }: Size): Frame => {
  const text = `The wizard needs ${smallest.columns} columns and ${smallest.rows} rows; Ctrl-C leaves.`;
  const lines = folded(text, Math.max(8, columns)).map((part) => line(shortened(part, columns)));
  const head = lines.slice(0, Math.max(1, rows - 1));
  return {
    head,
    form: [],
    formWidth: columns,
    beside: [],
    below: [],
    foot: [],
    cursor: undefined,
    scrolled: unscrolled,
  };
};

/** How the screen is divided: the page above or beside the profile, and what `?` says below the page. */
const layoutOf = (state: WizardState, size: Size) => {
  const head = headOf(state, size);
  const foot = footOf(state, size);
  const height = Math.max(3, size.rows - 1 - head.length - foot.length);
  const isWide = size.columns >= wideFrom;
  const formWidth = isWide ? Math.min(Math.floor(size.columns * 0.56), widestForm) : size.columns;
  // The row itself stays on the page.
  const more = explained(state, formWidth - 1, height - (isWide ? 2 : 3));
  const lower = isWide ? more.length : Math.max(more.length, Math.floor(height / 3));
  const formHeight = Math.max(2, height - lower - (isWide ? 0 : 1));
  return { head, foot, height, isWide, formWidth, more, lower, formHeight };
};

const isTooSmall = ({ columns, rows }: Size): boolean => columns < smallest.columns || rows < smallest.rows;

/** The whole screen, one line less than it has: a full one makes terminals scroll. */
export const frameOf = (state: WizardState, size: Size): Frame => {
  if (isTooSmall(size)) return tooSmall(size);
  const { head, foot, height, isWide, formWidth, more, lower, formHeight } = layoutOf(state, size);
  if (state.question !== undefined) return questionFrame(state, head, foot, height, size);
  const form = formPart(state, { width: formWidth - 1, height: formHeight });
  const yaml = yamlPart(
    state,
    isWide ? { width: size.columns - formWidth - 2, height } : { width: size.columns, height: lower },
  );
  const told = {
    head: headOf(state, size, form.more),
    foot,
    formWidth,
    cursor: form.cursor === undefined ? undefined : { ...form.cursor, y: head.length + form.cursor.y },
    scrolled: { page: form.scrolled, profile: yaml.scrolled },
  };
  if (isWide)
    return { ...told, form: [...form.lines, ...more], beside: filled(yaml.lines, height), below: [] };
  const below = filled(more.length > 0 ? more : yaml.lines, lower);
  return {
    ...told,
    form: form.lines,
    beside: [],
    below: [line('─'.repeat(size.columns), 'dim'), ...below],
  };
};

interface FormPart extends Part {
  readonly more: string;
  readonly cursor: Frame['cursor'];
  /** The first of the lines that are seen, and the first line of each row. */
  readonly from: number;
  readonly starts: Form['starts'];
}

/** The page around the row in focus, or as far from it as it was scrolled. */
const formPart = (
  state: WizardState,
  { width, height }: { readonly width: number; readonly height: number },
): FormPart => {
  const { lines, focus, cursor, starts } = formOf(state, width);
  const around = windowed(lines, focus, height);
  const from = firstOf(around + state.scrolled.page, lines.length, height);
  const arrows = `${from > 0 ? '↑' : ''}${from + height < lines.length ? '↓' : ''}`;
  const isSeen = cursor !== undefined && cursor.y >= from && cursor.y < from + height;
  return {
    lines: filled(lines.slice(from, from + height), height),
    scrolled: from - around,
    more: arrows === '' ? '' : `${arrows} more`,
    cursor: isSeen ? { ...cursor, y: cursor.y - from } : undefined,
    from,
    starts,
  };
};

/** How much of the page is seen. */
export interface Sight {
  /** Lines to scroll so that one of those seen stays, of the page and of the profile. */
  readonly turn: number;
  readonly placeOf: (row: Row) => 'above' | 'seen' | 'below';
}

/** Undefined: the page is not on the screen at all. */
export const sightOf = (state: WizardState, size: Size): Sight | undefined => {
  if (isTooSmall(size) || state.question !== undefined) return undefined;
  const { isWide, height, formWidth, formHeight, lower } = layoutOf(state, size);
  const { from, starts } = formPart(state, { width: formWidth - 1, height: formHeight });
  return {
    turn: Math.max(1, Math.min(formHeight, isWide ? height : lower) - 1),
    placeOf: ({ id }) => {
      const line = starts.get(id) ?? from;
      if (line < from) return 'above';
      return line < from + formHeight ? 'seen' : 'below';
    },
  };
};

/** The state without the part of its scrolling that goes beyond an end: it would have to be scrolled back first. */
export const withinReach = (state: WizardState, size: Size): WizardState => {
  const { scrolled } = frameOf(state, size);
  const { page, profile } = state.scrolled;
  return scrolled.page === page && scrolled.profile === profile ? state : { ...state, scrolled };
};

/** A secret is asked for: nothing else is on the page. */
const questionFrame = (
  { question }: WizardState,
  head: readonly Line[],
  foot: readonly Line[],
  height: number,
  { columns }: Size,
): Frame => {
  const label = folded(printable(question?.label ?? ''), columns - 4);
  const dots = '•'.repeat(Math.min([...(question?.text ?? '')].length, columns - 6));
  const lines = [
    ...label.map((part) => line(`  ${part}`, 'bold')),
    line(`  ${dots}`),
    line(''),
    ...folded('  Enter answers, Esc does not. It is not shown and not kept.', columns - 2, 2).map((part) =>
      line(part, 'dim'),
    ),
  ];
  return {
    head,
    foot,
    formWidth: columns,
    form: filled(lines, height),
    beside: [],
    below: [],
    cursor: { x: 2 + dots.length, y: head.length + label.length },
    scrolled: unscrolled,
  };
};
