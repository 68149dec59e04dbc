import { type Instance, render } from 'ink';
import { createElement, type ReactElement } from 'react';
import type { ProfileSources } from '../../profile/profile.ts';
import { type Style, styleFor } from '../style.ts';
import type { Errands } from './errands.ts';
import { type Size, withinReach } from './frame.ts';
import { reduce, type WizardEvent } from './reduce.ts';
import { Screen } from './screen.ts';
import { changedFiles, type Ending, unscrolled, type WizardState, wizardState } from './state.ts';

export interface Written {
  readonly ending: Ending;
  /** Files with the text that they are to have. */
  readonly files: readonly { readonly file: string; readonly text: string }[];
}

interface Wizard {
  readonly sources: ProfileSources;
  readonly isNew: boolean;
  readonly errands: Errands;
  readonly out: NodeJS.WriteStream;
  readonly input: NodeJS.ReadStream;
  readonly signal: AbortSignal;
}

/**
 * Asks a person for a profile on the whole terminal, which is as it was afterwards. Nothing is written and no host is changed:
 * what is wanted of the world goes through `errands`. An interruption ends it as Ctrl-C does.
 */
export const runWizard = async (options: Wizard): Promise<Written> => {
  const sitting = new Sitting(options);
  const state = await sitting.ended();
  const ending = state.ending ?? 'left';
  return { ending, files: ending === 'left' ? [] : changedFiles(state) };
};

const clearAndHome = '\u001b[2J\u001b[H';

/** The wizard on its terminal: events go in, and the screen follows the state. */
class Sitting {
  readonly #wizard: Wizard;
  readonly #style: Style;
  readonly #isSpoken = process.env['INK_SCREEN_READER'] === 'true';
  readonly #end = Promise.withResolvers<void>();
  #state: WizardState;
  /** Undefined: berth is suspended, or the wizard is over. */
  #screen: Instance | undefined;
  #hold: NodeJS.Timeout | undefined;

  constructor(wizard: Wizard) {
    this.#wizard = wizard;
    this.#style = styleFor(wizard.out);
    this.#state = wizardState(wizard.sources, wizard.isNew);
  }

  async ended(): Promise<WizardState> {
    const { out, signal } = this.#wizard;
    // Before ink's own listener, which draws what is there in the new size.
    out.prependListener('resize', this.#onResize);
    signal.addEventListener('abort', this.#leave, { once: true });
    try {
      this.#open();
      if (signal.aborted) this.#leave();
      await this.#end.promise;
    } finally {
      out.off('resize', this.#onResize);
      this.#continued();
      signal.removeEventListener('abort', this.#leave);
      await this.#close();
    }
    return this.#state;
  }

  #open(): void {
    const { out, input } = this.#wizard;
    const screen = render(this.#element(), {
      stdout: out,
      stdin: input,
      // Ctrl-C is a key here: the terminal is put right before anything else.
      exitOnCtrlC: false,
      patchConsole: false,
      interactive: true,
      alternateScreen: !this.#isSpoken,
      incrementalRendering: true,
    });
    this.#screen = screen;
    // Nothing else unmounts it but a page that cannot be drawn.
    screen.waitUntilExit().catch(this.#end.reject);
  }

  async #close(): Promise<void> {
    const screen = this.#screen;
    this.#screen = undefined;
    if (screen === undefined) return;
    screen.unmount();
    await screen.waitUntilExit().catch(() => undefined);
    // What is spoken stays on the terminal, and ink ends it without ending its last line.
    if (this.#isSpoken) this.#wizard.out.write('\n');
  }

  readonly #leave = (): void => this.#dispatch({ kind: 'key', key: 'leave' });

  /** Terminals differ in what they keep of a screen that changes its size: nothing of it is relied upon. */
  readonly #onResize = (): void => {
    if (this.#screen === undefined || this.#isSpoken) return;
    this.#state = withinReach(this.#state, this.#size());
    this.#screen.clear();
    this.#wizard.out.write(clearAndHome);
    this.#screen.rerender(this.#element());
  };

  /** The shell has the terminal until berth is in the foreground again. */
  async #suspend(): Promise<void> {
    // A second key of the same chunk: the first is at it.
    if (this.#screen === undefined) return;
    await this.#close();
    // It was ended in between: nobody would take the listener and the timer away again.
    if (this.#state.ending !== undefined) return;
    process.once('SIGCONT', this.#onContinue);
    // Without a screen nothing else keeps the process: it would end as soon as it is continued.
    this.#hold = setInterval(() => {}, 60_000);
    process.kill(process.pid, 'SIGTSTP');
  }

  readonly #onContinue = (): void => {
    this.#continued();
    this.#open();
  };

  #continued(): void {
    process.off('SIGCONT', this.#onContinue);
    clearInterval(this.#hold);
  }

  readonly #dispatch = (event: WizardEvent): void => {
    if (this.#state.ending !== undefined) return;
    if (event.kind === 'key' && event.key === 'suspend') return void this.#suspend().catch(this.#end.reject);
    try {
      this.#take(event);
    } catch (error) {
      // Told when the terminal is as it was: on this screen nobody could read it.
      this.#end.reject(error);
    }
  };

  #take(event: WizardEvent): void {
    const size = this.#isSpoken ? undefined : this.#size();
    const state = reduce(this.#state, event, size);
    this.#state = size === undefined ? { ...state, scrolled: unscrolled } : withinReach(state, size);
    this.#screen?.rerender(this.#element());
    if (this.#state.ending !== undefined) this.#end.resolve();
    for (const wish of this.#state.wishes)
      this.#wizard.errands.run(wish, (reply) => this.#dispatch({ kind: 'reply', reply }));
  }

  #element(): ReactElement {
    const size = this.#size();
    return createElement(Screen, { state: this.#state, size, style: this.#style, dispatch: this.#dispatch });
  }

  #size(): Size {
    const { columns, rows } = this.#wizard.out;
    return { columns: columns || 80, rows: rows || 24 };
  }
}
