import { printable } from '../../core/text.ts';
import { choosing, flipping } from './choose.ts';
import type { Reply } from './errands.ts';
import { type Sight, type Size, sightOf } from './frame.ts';
import type { KeyName } from './keys.ts';
import { comeBack, focused, move, rowsOf, withFocus } from './pages.ts';
import { afterReply } from './replies.ts';
import { isRow, type Row, type TextRow } from './rows.ts';
import { pageOf, settle, unscrolled, type WizardState } from './state.ts';

export type WizardEvent =
  | { readonly kind: 'typed'; readonly text: string }
  | { readonly kind: 'pasted'; readonly text: string }
  | { readonly kind: 'key'; readonly key: KeyName }
  | { readonly kind: 'reply'; readonly reply: Reply };

/**
 * The state after an event. Pure: what is wanted from the world stands in `wishes` of the new state. `size` is that of the
 * terminal: what it does not show of a page is neither passed over nor pressed; undefined: all of a page is told at once.
 */
export const reduce = (state: WizardState, event: WizardEvent, size?: Size): WizardState => {
  const calm: WizardState = { ...state, wishes: [] };
  if (event.kind === 'reply') return afterReply(calm, event.reply);
  const quiet: WizardState = { ...calm, notice: undefined };
  if (quiet.question !== undefined) return inQuestion(quiet, quiet.question, event);
  const next = afterInput(quiet, event, size === undefined ? undefined : sightOf(state, size));
  return quiet.sheet !== undefined && next.sheet === undefined ? comeBack(next) : next;
};

const afterInput = (state: WizardState, event: Input, sight: Sight | undefined): WizardState => {
  if (event.kind === 'key') return afterKey(state, event.key, sight);
  return event.kind === 'pasted' ? afterPaste(state, event.text) : afterText(state, event.text, sight);
};

type Question = NonNullable<WizardState['question']>;
type Input = Exclude<WizardEvent, { kind: 'reply' }>;

/** A question stands before everything else; who goes back does not answer it. */
const inQuestion = (state: WizardState, question: Question, event: Input): WizardState => {
  const withText = (text: string): WizardState => ({ ...state, question: { ...question, text } });
  if (event.kind !== 'key') return withText(question.text + event.text.replace(/[\r\n]+$/, ''));
  switch (event.key) {
    case 'enter':
      return { ...state, question: undefined, wishes: [{ kind: 'answer', text: question.text }] };
    case 'back':
      return { ...state, question: undefined, wishes: [{ kind: 'answer', text: undefined }] };
    case 'leave':
      return { ...state, ending: 'left' };
    case 'erase':
      return withText([...question.text].slice(0, -1).join(''));
    case 'clear':
      return withText('');
    default:
      return state;
  }
};

const afterText = (state: WizardState, text: string, sight: Sight | undefined): WizardState => {
  if (text === '?') return { ...state, explains: !state.explains };
  const row = focused(state);
  if (row?.kind === 'text') return typedInto(state, row, text);
  if (text !== ' ' || row === undefined) return state;
  if (isOutOfSight(row, sight)) return inSight(state);
  if (row.kind === 'switch') return settle(flipping(state, row));
  return settle(row.kind === 'choice' ? choosing(state, row, 1) : row.press());
};

/** Several lines are of use to rows that take a list; others get them as one line. */
const afterPaste = (state: WizardState, text: string): WizardState => {
  const row = focused(state);
  if (row?.kind !== 'text') return state;
  const lines = text.split(/\r\n|\r|\n/).map((line) => printable(line).trim());
  return typedInto(state, row, lines.filter((line) => line !== '').join(', '));
};

const typedInto = (state: WizardState, row: TextRow, text: string): WizardState => {
  const [before, after] = aroundCursor(state, row);
  const next = row.write(before + text + after);
  return inSight({ ...next, cursor: after === '' ? undefined : before.length + text.length });
};

const aroundCursor = ({ cursor }: WizardState, { text }: TextRow): [before: string, after: string] => {
  const at = Math.min(cursor ?? text.length, text.length);
  return [text.slice(0, at), text.slice(at)];
};

const afterKey = (state: WizardState, key: KeyName, sight: Sight | undefined): WizardState => {
  const row = focused(state);
  switch (key) {
    case 'leave':
      return { ...state, ending: 'left' };
    case 'up':
      return step(state, -1, sight);
    case 'down':
      return step(state, 1, sight);
    case 'scroll-up':
      return scrolledBy(state, -(sight?.turn ?? 0));
    case 'scroll-down':
      return scrolledBy(state, sight?.turn ?? 0);
    case 'home':
    case 'end':
      return row?.kind === 'text' ? inSight(edited(state, row, key)) : toEnd(state, key);
    case 'back':
      return back(state);
    case 'next':
      return state.sheet === undefined ? move(settle(state), 1) : state;
    case 'previous':
      return state.sheet === undefined ? move(settle(state), -1) : state;
    default:
      return row === undefined ? state : afterRowKey(state, row, key, sight);
  }
};

/** Out of what lies on top: the explanation, the sheet, the step. */
const back = (state: WizardState): WizardState => {
  if (state.explains) return { ...state, explains: false };
  if (state.sheet !== undefined) return { ...settle(state), sheet: undefined, cursor: undefined };
  return move(settle(state), -1);
};

/** The neighbour in focus once it is seen; what there is to read on the way to it, or beyond the last one, comes line by line. */
const step = (state: WizardState, by: 1 | -1, sight: Sight | undefined): WizardState => {
  const rows = rowsOf(state).filter(isRow);
  const next = rows[rows.findIndex(({ id }) => id === focused(state)?.id) + by];
  const ahead = by > 0 ? 'below' : 'above';
  return next === undefined || sight?.placeOf(next) === ahead
    ? scrolledBy({ ...settle(state), cursor: undefined }, by)
    : withFocus(settle(state), next.id);
};

/** What has no more lines stays where it is: `withinReach`. */
const scrolledBy = (state: WizardState, lines: number): WizardState => {
  const { page, profile } = state.scrolled;
  return { ...state, scrolled: { page: page + lines, profile: profile + lines } };
};

/** The first or the last row in focus, and everything that is to be read before or after it. */
const toEnd = (state: WizardState, key: 'home' | 'end'): WizardState => {
  const row = rowsOf(state)
    .filter(isRow)
    .at(key === 'home' ? 0 : -1);
  if (row === undefined) return state;
  return scrolledBy(withFocus(settle(state), row.id), key === 'home' ? -Infinity : Infinity);
};

/** Who answers a row that was scrolled away has to see it first. */
const isOutOfSight = (row: Row, sight: Sight | undefined): boolean =>
  sight !== undefined && sight.placeOf(row) !== 'seen';

const inSight = (state: WizardState): WizardState => ({ ...state, scrolled: unscrolled });

/** Enter takes nothing there: the answer stands already. */
const isAnswered = (row: Row): boolean =>
  row.kind === 'choice' || (row.kind === 'text' && row.enter === undefined);

const afterRowKey = (state: WizardState, row: Row, key: KeyName, sight: Sight | undefined): WizardState => {
  if (key === 'enter' && isAnswered(row)) return step(state, 1, sight);
  if (row.kind === 'text' && key !== 'enter') return inSight(edited(state, row, key));
  if (isOutOfSight(row, sight)) return inSight(state);
  if (key === 'enter') return entered(state, row);
  if (row.kind === 'choice' && (key === 'left' || key === 'right'))
    return settle(choosing(state, row, key === 'left' ? -1 : 1));
  if (row.kind === 'switch' && (key === 'left' || key === 'right')) return settle(flipping(state, row));
  if (row.kind === 'action' && key === 'delete') return settle(row.remove?.() ?? state);
  return state;
};

const entered = (state: WizardState, row: Row): WizardState => {
  if (row.kind === 'action') return settle(staying(state, row, { ...row.press(), cursor: undefined }));
  if (row.kind === 'text' && row.enter !== undefined)
    return inSight(settle({ ...row.enter(), cursor: undefined }));
  return row.kind === 'switch' ? settle(flipping(state, row)) : state;
};

/** A row that is gone because it was pressed leaves the focus to the one that has its answer. */
const staying = (state: WizardState, pressed: Row, next: WizardState): WizardState => {
  const rows = rowsOf(next).filter(isRow);
  if (pageOf(next) !== pageOf(state) || rows.some(({ id }) => id === pressed.id)) return next;
  const place = pressed.path?.join('.');
  const heir = rows.find(({ path }) => path !== undefined && path.join('.') === place);
  return heir === undefined ? next : withFocus(next, heir.id);
};

const edited = (state: WizardState, row: TextRow, key: KeyName): WizardState => {
  const [before, after] = aroundCursor(state, row);
  const at = (cursor: number | undefined): WizardState => ({ ...state, cursor });
  switch (key) {
    case 'left':
      return at(Math.max(0, before.length - 1));
    case 'right':
      return at(after.length <= 1 ? undefined : before.length + 1);
    case 'home':
      return at(0);
    case 'end':
      return at(undefined);
    case 'clear':
      return { ...row.write(''), cursor: undefined };
    case 'erase':
      return {
        ...row.write(before.slice(0, -1) + after),
        cursor: after === '' ? undefined : before.length - 1,
      };
    case 'delete':
      return { ...row.write(before + after.slice(1)), cursor: after.length <= 1 ? undefined : before.length };
    default:
      return state;
  }
};
