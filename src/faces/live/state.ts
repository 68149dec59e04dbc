import { resolve } from 'node:path';
import type { Event } from '../../core/events.ts';
import { type Board, boardAfter, emptyBoard, type HostBoard, type PhaseBoard } from './board.ts';
import { type Estimate, estimateOf, type Sample } from './estimate.ts';
import { isSecondLook } from './told-phases.ts';

/** What is looked at: all hosts, one of them, its log, or the keys. */
export type View = 'hosts' | 'host' | 'log' | 'keys';

export interface Looking {
  readonly view: View;
  /** Where the way back from the keys leads. */
  readonly before: Exclude<View, 'keys'>;
  /** The host with the mark; undefined until a key asks for one: nothing is marked for who only watches. */
  readonly chosen: string | undefined;
  /** Rows that are scrolled away at the top; undefined: the end is followed. */
  readonly top: number | undefined;
  /** The current command of each host is shown. */
  readonly commands: boolean;
}

/** All that a frame is drawn from, but the clock and the size of the terminal. */
export interface LiveState {
  readonly board: Board;
  readonly looking: Looking;
  /** What earlier runs took. */
  readonly earlier: readonly Sample[];
  /** What this run took. */
  readonly taken: readonly Sample[];
  /** Nothing more happens: who reads may go on, and what came of it is shown when they leave. */
  readonly isOver: boolean;
}

export const startOf = (earlier: readonly Sample[]): LiveState => ({
  board: emptyBoard,
  looking: { view: 'hosts', before: 'hosts', chosen: undefined, top: 0, commands: false },
  earlier,
  taken: [],
  isOver: false,
});

/** The state after `event`, which happened at `now`. */
export const afterEvent = (state: LiveState, event: Event, now: number): LiveState => {
  const board = boardAfter(state.board, event, now);
  if (board === state.board) return state;
  return { ...state, board, taken: [...state.taken, ...sampleOf(board, event)] };
};

/** A phase that failed or was interrupted says nothing of how long it takes, nor does a second look. */
const sampleOf = (board: Board, event: Event): readonly Sample[] => {
  if (event.kind !== 'phase-ended' || event.failed || board.profile === undefined) return [];
  const { host, phase, milliseconds } = event;
  const ended = board.hosts.get(host)?.phases.findLast((each) => each.phase === phase);
  if (ended === undefined || isSecondLook(ended)) return [];
  const { done: count, grades } = ended;
  return [{ profile: resolve(board.profile), host, phase, milliseconds, count, grades }];
};

/** What is expected of a phase that runs. */
export const expected = (
  { board, earlier }: Pick<LiveState, 'board' | 'earlier'>,
  host: string,
  running: PhaseBoard,
): Estimate | undefined => {
  const { phase, total, grades } = running;
  return board.profile === undefined || isSecondLook(running)
    ? undefined
    : estimateOf(earlier, { profile: resolve(board.profile), host, phase, total, grades });
};

/** The host with the mark and its name. */
export const chosenHost = ({ board, looking }: LiveState): readonly [string, HostBoard] | undefined => {
  const { chosen } = looking;
  const host = chosen === undefined ? undefined : board.hosts.get(chosen);
  return chosen === undefined || host === undefined ? undefined : [chosen, host];
};
