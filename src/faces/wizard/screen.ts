import { Box, Text, useCursor, useInput, useIsScreenReaderEnabled, usePaste } from 'ink';
import { createElement as h, type ReactElement } from 'react';
import type { Style } from '../style.ts';
import { type Frame, frameOf, type Size } from './frame.ts';
import { keyOf, typedPieces } from './keys.ts';
import type { Line } from './lines.ts';
import type { WizardEvent } from './reduce.ts';
import { spokenLines } from './spoken.ts';
import type { WizardState } from './state.ts';

export interface ScreenProps {
  readonly state: WizardState;
  readonly size: Size;
  readonly style: Style;
  readonly dispatch: (event: WizardEvent) => void;
}

const painted = (line: Line, style: Style): string =>
  line.map(({ text, look }) => (look === undefined ? text : style(look, text))).join('');

const block = (name: string, lines: readonly Line[], style: Style, width?: number): ReactElement =>
  h(
    Box,
    { key: name, flexDirection: 'column', flexShrink: 0, ...(width === undefined ? {} : { width }) },
    ...lines.map((line, index) =>
      // An empty Text has no height.
      h(Text, { key: `${name} ${index}`, wrap: 'truncate-end' }, painted(line, style) || ' '),
    ),
  );

/** The wizard on a screen. */
export const Picture = ({ frame, style }: { readonly frame: Frame; readonly style: Style }): ReactElement =>
  h(
    Box,
    { flexDirection: 'column' },
    block('head', frame.head, style),
    h(
      Box,
      { key: 'body' },
      block('form', frame.form, style, frame.formWidth),
      ...(frame.beside.length === 0 ? [] : [block('beside', frame.beside, style)]),
    ),
    block('below', frame.below, style),
    block('foot', frame.foot, style),
  );

/** The wizard in words. */
const Words = ({ state }: { readonly state: WizardState }): ReactElement =>
  h(
    Box,
    { flexDirection: 'column' },
    ...spokenLines(state).map((text, index) => h(Text, { key: index }, text)),
  );

export const Screen = ({ state, size, style, dispatch }: ScreenProps): ReactElement => {
  const { setCursorPosition } = useCursor();
  const isSpoken = useIsScreenReaderEnabled();
  useInput((input, key) => {
    const name = keyOf(input, key);
    if (name !== undefined) dispatch({ kind: 'key', key: name });
    else if (!key.ctrl && !key.meta) typedPieces(input).forEach(dispatch);
  });
  usePaste((text) => dispatch({ kind: 'pasted', text }));
  if (isSpoken) return h(Words, { state });
  const frame = frameOf(state, size);
  setCursorPosition(frame.cursor);
  return h(Picture, { frame, style });
};
