import { hostView } from './host-view.ts';
import { hostsView } from './hosts-view.ts';
import type { Extent } from './keys.ts';
import { keysView } from './keys-view.ts';
import { bold, cut, dim, type Line, plain, spread } from './line.ts';
import { logView } from './log-view.ts';
import { chosenHost, type LiveState, type View } from './state.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Frame {
  /** At most one fewer than the terminal has rows: a frame as high as the terminal makes some of them scroll. */
  readonly lines: readonly Line[];
  /** What the keys that scroll need to know. */
  readonly extent: Extent;
}

const footers: Readonly<Record<View, string>> = {
  hosts: '↑↓ choose  enter open  l log  c commands  ? keys',
  host: '↑↓ scroll  l log  q back  ? keys',
  log: '↑↓ scroll  G end  q back  ? keys',
  keys: 'q back',
};

const overFooter = 'the run is over: q shows what came of it  ↑↓ scroll';

/** Which part of what there is to see is seen. */
const placeText = (top: number, { rows, shown }: Extent): string =>
  rows <= shown ? '' : `${top + 1}–${Math.min(rows, top + shown)} of ${rows}`;

/** The whole screen. `keys`: somebody can press some. */
export const frameOf = (state: LiveState, now: number, size: Size, keys: boolean): Frame => {
  const { columns } = size;
  const height = Math.max(1, size.rows - 1);
  const footed = keys && height > 3;
  const room = height - (footed ? 1 : 0);
  const { view } = state.looking;
  const footer = (place: string): Line[] => {
    if (!footed) return [];
    const about = view === 'log' && state.looking.chosen !== undefined ? `${state.looking.chosen}  ` : '';
    return [
      cut(
        spread(
          [bold(about), state.isOver ? plain(overFooter) : dim(footers[view])],
          place === '' ? [] : [dim(place)],
          columns,
        ),
        columns,
      ),
    ];
  };
  if (view === 'hosts') {
    const lines = hostsView({ state, now, columns, rows: room });
    const extent = { rows: lines.length, shown: room };
    return { lines: [...filled(lines, room, footed), ...footer('')], extent };
  }
  const content = contentOf(state, now, columns);
  const extent = { rows: content.length, shown: room };
  const last = Math.max(0, content.length - room);
  const top = Math.min(state.looking.top ?? last, last);
  const lines = content.slice(top, top + room).map((line) => cut(line, columns));
  return { lines: [...filled(lines, room, footed), ...footer(placeText(top, extent))], extent };
};

const contentOf = (state: LiveState, now: number, columns: number): readonly Line[] => {
  const chosen = chosenHost(state);
  if (state.looking.view === 'keys' || chosen === undefined) return keysView(columns);
  return state.looking.view === 'log'
    ? logView(chosen[1], columns)
    : hostView(chosen, state, { now, columns });
};

/** The footer stays at the bottom of the screen. */
const filled = (lines: readonly Line[], room: number, footed: boolean): readonly Line[] =>
  footed ? [...lines, ...Array.from({ length: Math.max(0, room - lines.length) }, (): Line => [])] : lines;
