import { type Instance, type Key, render, useInput } from 'ink';
import { Fragment, createElement as h, type ReactElement } from 'react';
import { type Style, styleFor } from '../style.ts';
import type { Frame, Size } from './frame.ts';
import { Picture } from './picture.ts';

/** Fast enough for progress bars, slow enough to be calm and cheap. */
const frameMilliseconds = 200;
/** Running times advance in seconds. */
const clockMilliseconds = 1000;
/** What is over before that was never worth a screen of its own. */
const openAfterMilliseconds = 300;

export interface ScreenOptions {
  readonly out: NodeJS.WriteStream;
  /** Asked each time the screen opens; undefined: nobody can press keys. */
  readonly keyboard: () => NodeJS.ReadStream | undefined;
  readonly draw: (now: number, size: Size, hasKeys: boolean) => Frame;
  readonly onKey: (input: string, key: Key) => void;
}

interface Shown {
  readonly instance: Instance;
  readonly timer: NodeJS.Timeout;
}

const clearAndHome = '\u001b[2J\u001b[H';

const Keyboard = ({ onKey }: Pick<ScreenOptions, 'onKey'>): ReactElement | null => {
  useInput(onKey);
  return null;
};

/**
 * The second screen of the terminal, which leaves no trace of itself: what was on the first one is there again afterwards,
 * and no resize can garble it. At a bounded rate, and only when something has changed; ink writes the parts of lines that differ.
 */
export class Screen {
  readonly #options: ScreenOptions;
  #shown: Shown | undefined;
  #opening: NodeJS.Timeout | undefined;
  #dirty = false;
  #drawn = 0;
  readonly #style: Style;
  #keyboard: NodeJS.ReadStream | undefined;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#style = styleFor(options.out);
  }

  /** Something has changed. The screen opens when there goes on to be something to see. */
  changed(): void {
    this.#dirty = true;
    if (this.#shown === undefined) this.#opening ??= setTimeout(() => this.open(), openAfterMilliseconds);
  }

  get isOpen(): boolean {
    return this.#shown !== undefined;
  }

  /** At once: something was asked for by a key. */
  redraw(): void {
    this.#dirty = true;
    this.#tick();
  }

  open(): void {
    if (this.#shown !== undefined) return;
    const { out } = this.#options;
    clearTimeout(this.#opening);
    const keyboard = this.#options.keyboard();
    this.#keyboard = keyboard;
    const instance = render(this.#element(), {
      stdout: out,
      ...(keyboard === undefined ? {} : { stdin: keyboard }),
      alternateScreen: true,
      incrementalRendering: true,
      interactive: true,
      // Ctrl-C stays a signal: the command ends in order.
      exitOnCtrlC: false,
      patchConsole: false,
    });
    this.#shown = { instance, timer: setInterval(() => this.#tick(), frameMilliseconds) };
    this.#drawn = performance.now();
    out.prependListener('resize', this.#onResize);
    process.on('uncaughtExceptionMonitor', this.#onCrash);
  }

  /** The terminal is as it was before; the next change opens the screen again. */
  close(): void {
    clearTimeout(this.#opening);
    this.#opening = undefined;
    if (this.#shown === undefined) return;
    this.#options.out.off('resize', this.#onResize);
    process.off('uncaughtExceptionMonitor', this.#onCrash);
    clearInterval(this.#shown.timer);
    this.#shown.instance.unmount();
    this.#shown = undefined;
  }

  /** Terminals differ in what they keep of a screen that changes its size: nothing of it is relied upon. */
  readonly #onResize = (): void => {
    this.#shown?.instance.clear();
    this.#options.out.write(clearAndHome);
    this.redraw();
  };

  /** Node's words about it belong on the screen that stays. */
  readonly #onCrash = (): void => this.close();

  #tick(): void {
    const now = performance.now();
    if (this.#shown === undefined || (!this.#dirty && now - this.#drawn < clockMilliseconds)) return;
    this.#dirty = false;
    this.#drawn = now;
    this.#shown.instance.rerender(this.#element());
  }

  #element(): ReactElement {
    const { out, draw, onKey } = this.#options;
    const keyboard = this.#keyboard;
    const size = { columns: out.columns || 80, rows: out.rows || 24 };
    const { lines } = draw(performance.now(), size, keyboard !== undefined);
    return h(
      Fragment,
      null,
      h(Picture, { lines, style: this.#style }),
      ...(keyboard === undefined ? [] : [h(Keyboard, { onKey })]),
    );
  }
}
