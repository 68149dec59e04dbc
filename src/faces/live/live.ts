import { type Instance, render } from 'ink';
import { createElement } from 'react';
import type { Event } from '../../core/events.ts';
import { printable } from '../../core/text.ts';
import type { Progress } from '../progress.ts';
import { type Style, styleFor } from '../style.ts';
import { type Board, boardAfter, emptyBoard } from './board.ts';
import { View } from './view.ts';

/** Fast enough for progress bars, slow enough to be calm and cheap. */
const frameMilliseconds = 120;
/** Running times advance in seconds. */
const clockMilliseconds = 1000;

interface Screen {
  readonly instance: Instance;
  readonly timer: NodeJS.Timeout;
}

/** Draws the board with ink at a bounded rate, and steps aside when asked. */
const makeScreen = (
  out: NodeJS.WriteStream,
  view: () => Board,
): { open(): void; close(keep: boolean): void; changed(): void } => {
  let screen: Screen | undefined;
  let dirty = false;
  let drawn = 0;
  const element = () =>
    createElement(View, {
      board: view(),
      now: performance.now(),
      // A terminal that does not know its size says 0.
      columns: out.columns || 80,
      rows: out.rows || 24,
    });
  const draw = (): void => {
    const now = performance.now();
    if (!dirty && now - drawn < clockMilliseconds) return;
    dirty = false;
    drawn = now;
    screen?.instance.rerender(element());
  };
  return {
    open() {
      screen ??= {
        // Ctrl-C stays a signal: the command ends in order.
        instance: render(element(), { stdout: out, exitOnCtrlC: false, patchConsole: false }),
        timer: setInterval(draw, frameMilliseconds),
      };
    },
    close(keep) {
      if (!screen) return;
      clearInterval(screen.timer);
      if (keep) screen.instance.rerender(element());
      else screen.instance.clear();
      screen.instance.unmount();
      screen = undefined;
    },
    changed() {
      dirty = true;
    },
  };
};

const noteText = (event: Extract<Event, { kind: 'note' }>, style: Style): string =>
  `${event.host === undefined ? '' : `${style('bold', event.host)}  `}${style(event.level === 'warn' ? 'yellow' : 'dim', printable(event.message))}\n`;

/** The live view of a terminal. Notes scroll away above it; what `pause` keeps stays in the scrollback. */
export const liveProgress = (out: NodeJS.WriteStream, options: { readonly verbose: boolean }): Progress => {
  const style = styleFor(out);
  let board = emptyBoard;
  const screen = makeScreen(out, () => board);
  const emit = (event: Event): void => {
    if (event.kind === 'failed') return;
    if (event.kind === 'note') {
      if (event.level === 'debug' && !options.verbose) return;
      screen.close(false);
      out.write(noteText(event, style));
      if (board.hosts.size > 0) screen.open();
      return;
    }
    board = boardAfter(board, event, performance.now());
    screen.open();
    screen.changed();
  };
  return { emit, pause: ({ keep }) => screen.close(keep) };
};
