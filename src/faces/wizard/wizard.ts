import { render } from 'ink';
import { createElement } from 'react';
import type { ProfileSources } from '../../profile/profile.ts';
import { styleFor } from '../style.ts';
import type { Errands } from './errands.ts';
import { reduce, type WizardEvent } from './reduce.ts';
import { Screen } from './screen.ts';
import { changedFiles, type Ending, wizardState } from './state.ts';

export interface Written {
  readonly ending: Ending;
  /** Files with the text that they are to have. */
  readonly files: readonly { readonly file: string; readonly text: string }[];
}

/**
 * Asks a person for a profile on the whole terminal, which is as it was afterwards. Nothing is written and no host is changed:
 * what is wanted of the world goes through `errands`. An interruption ends it as Ctrl-C does.
 */
export const runWizard = async (options: {
  readonly sources: ProfileSources;
  readonly isNew: boolean;
  readonly errands: Errands;
  readonly out: NodeJS.WriteStream;
  readonly input: NodeJS.ReadStream;
  readonly signal: AbortSignal;
}): Promise<Written> => {
  const { out, input, errands, signal } = options;
  const style = styleFor(out);
  const isSpoken = process.env['INK_SCREEN_READER'] === 'true';
  const ended = Promise.withResolvers<void>();
  let state = wizardState(options.sources, options.isNew);
  const size = () => ({ columns: out.columns || 80, rows: out.rows || 24 });
  const element = () => createElement(Screen, { state, size: size(), style, dispatch });
  const take = (event: WizardEvent): void => {
    state = reduce(state, event);
    instance.rerender(element());
    if (state.ending !== undefined) ended.resolve();
    for (const wish of state.wishes) errands.run(wish, (reply) => dispatch({ kind: 'reply', reply }));
  };
  const dispatch = (event: WizardEvent): void => {
    if (state.ending !== undefined) return;
    try {
      take(event);
    } catch (error) {
      // Told when the terminal is as it was: on this screen nobody could read it.
      ended.reject(error);
    }
  };
  const leave = (): void => dispatch({ kind: 'key', key: 'leave' });
  const resize = (): void => instance.rerender(element());
  const instance = render(element(), {
    stdout: out,
    stdin: input,
    // Ctrl-C is a key here: the terminal is put right before anything else.
    exitOnCtrlC: false,
    patchConsole: false,
    interactive: true,
    alternateScreen: !isSpoken,
    incrementalRendering: true,
  });
  out.on('resize', resize);
  signal.addEventListener('abort', leave, { once: true });
  try {
    if (signal.aborted) leave();
    await ended.promise;
  } finally {
    out.off('resize', resize);
    signal.removeEventListener('abort', leave);
    instance.unmount();
    await instance.waitUntilExit();
  }
  const ending = state.ending ?? 'left';
  return { ending, files: ending === 'left' ? [] : changedFiles(state) };
};
