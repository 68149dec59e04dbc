import { bold, type Line, plain, rowsOf } from './line.ts';

const keys: readonly (readonly [string, string])[] = [
  ['↑ ↓  k j', 'choose a host; scroll'],
  ['enter', 'open the host: phases, failures with evidence and remedy'],
  ['l', 'its log; the end is followed until you scroll up'],
  ['c', 'show or hide the commands that each host runs'],
  ['space b', 'a page on, a page back (also PgDn, PgUp)'],
  ['g G', 'to the first, to the last (also Home, End)'],
  ['q esc', 'back'],
  ['?', 'these keys'],
  ['ctrl-c', 'finish or undo the step at work, then stop; again: stop at once'],
  ['ctrl-z', 'suspend berth; the hosts go on with the step at work'],
];

const keyWidth = 11;

export const keysView = (columns: number): readonly Line[] => [
  [bold('keys')],
  ...keys.flatMap(([key, meaning]) =>
    rowsOf(meaning, Math.max(10, columns - keyWidth)).map(
      (row, index): Line => [bold((index === 0 ? ` ${key}` : '').padEnd(keyWidth)), plain(row)],
    ),
  ),
];
