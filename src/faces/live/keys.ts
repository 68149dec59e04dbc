import type { Key as InkKey } from 'ink';
import { ranked } from './standing.ts';
import type { LiveState, Looking } from './state.ts';

/** What a key asks for. */
export type Wish =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'open'
  | 'log'
  | 'commands'
  | 'back'
  | 'keys'
  | 'interrupt'
  | 'suspend';

const letters: Readonly<Record<string, Wish>> = {
  k: 'up',
  j: 'down',
  g: 'first',
  G: 'last',
  ' ': 'page-down',
  b: 'page-up',
  l: 'log',
  c: 'commands',
  q: 'back',
  '?': 'keys',
  '\r': 'open',
  '\u0003': 'interrupt',
  '\u001a': 'suspend',
};

const named: readonly (readonly [keyof InkKey, Wish])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['pageUp', 'page-up'],
  ['pageDown', 'page-down'],
  ['home', 'first'],
  ['end', 'last'],
  ['return', 'open'],
  ['escape', 'back'],
];

/** What was typed asks for, in its order; what means nothing here asks for nothing. Over a slow line several keys come at once. */
export const wishesOf = (input: string, key: Partial<InkKey>): readonly Wish[] => {
  if (key.ctrl === true) return input === 'c' ? ['interrupt'] : input === 'z' ? ['suspend'] : [];
  const byName = named.find(([name]) => key[name] === true);
  return byName === undefined ? [...input].flatMap((letter) => letters[letter] ?? []) : [byName[1]];
};

/** How much there is to scroll through, and how much of it is seen at once. */
export interface Extent {
  readonly rows: number;
  readonly shown: number;
}

/** The state after a wish; `now` and `extent` are those of the frame that is on the screen. */
export const afterWish = (state: LiveState, wish: Wish, now: number, extent: Extent): LiveState => {
  const looking = lookingAfter(state, wish, now, extent);
  return looking === state.looking ? state : { ...state, looking };
};

const lookingAfter = (state: LiveState, wish: Wish, now: number, extent: Extent): Looking => {
  const { looking } = state;
  switch (wish) {
    case 'commands':
      return { ...looking, commands: !looking.commands };
    case 'keys':
      return looking.view === 'keys' ? back(looking) : { ...looking, view: 'keys', before: looking.view };
    case 'back':
      return back(looking);
    case 'open':
      return opened(state, 'host', now);
    case 'log':
      return opened(state, 'log', now);
    case 'interrupt':
    case 'suspend':
      return looking;
    default:
      return looking.view === 'hosts' ? moved(state, wish, now, extent) : scrolled(looking, wish, extent);
  }
};

const back = (looking: Looking): Looking => {
  if (looking.view === 'keys') return { ...looking, view: looking.before };
  return looking.view === 'hosts' ? { ...looking, chosen: undefined } : { ...looking, view: 'hosts', top: 0 };
};

/** Without a mark the first host is meant: the one that matters most. */
const opened = (state: LiveState, view: 'host' | 'log', now: number): Looking => {
  const { looking, board } = state;
  if (looking.view === 'keys') return looking;
  const chosen = looking.chosen ?? ranked(board, now)[0]?.name;
  if (chosen === undefined || looking.view === view) return looking;
  // The end of a log is where things happen.
  return { ...looking, view, chosen, top: view === 'log' ? undefined : 0 };
};

type Move = Extract<Wish, 'up' | 'down' | 'page-up' | 'page-down' | 'first' | 'last'>;

const distance = (move: Move, page: number): number => {
  switch (move) {
    case 'up':
      return -1;
    case 'down':
      return 1;
    case 'page-up':
      return -page;
    case 'page-down':
      return page;
    case 'first':
      return Number.NEGATIVE_INFINITY;
    case 'last':
      return Number.POSITIVE_INFINITY;
  }
};

const within = (value: number, last: number): number => Math.max(0, Math.min(value, last));

/** The mark goes along the list as it is ranked now. */
const moved = ({ board, looking }: LiveState, move: Move, now: number, { shown }: Extent): Looking => {
  const names = ranked(board, now).map(({ name }) => name);
  const at = looking.chosen === undefined ? -1 : names.indexOf(looking.chosen);
  const from = at === -1 && distance(move, 1) < 0 ? names.length : at;
  return { ...looking, chosen: names[within(from + distance(move, shown), names.length - 1)] };
};

const scrolled = (looking: Looking, move: Move, { rows, shown }: Extent): Looking => {
  const last = Math.max(0, rows - shown);
  const top = within((looking.top ?? last) + distance(move, Math.max(1, shown - 1)), last);
  // At its end a log is followed again; other views have no end that moves.
  return { ...looking, top: looking.view === 'log' && top === last ? undefined : top };
};
