import { Box, Text } from 'ink';
import { createElement as h, memo, type ReactElement } from 'react';
import type { Format, Style } from '../style.ts';
import type { Line, Span } from './line.ts';

const painted = ({ text, colour, bold, dim }: Span, style: Style): string => {
  const formats: Format[] = [
    ...(colour === undefined ? [] : [colour]),
    ...(bold === undefined ? [] : (['bold'] as const)),
    ...(dim === undefined ? [] : (['dim'] as const)),
  ];
  return formats.reduce<string>((painted, format) => style(format, painted), text);
};

/** A row that has not changed costs next to nothing. It never wraps: what a terminal shows wider than we count is cut. */
const Row = memo(
  ({ children }: { readonly children?: string }): ReactElement => h(Text, { wrap: 'truncate-end' }, children),
);

/** Lines as ink draws them. */
export const Picture = ({
  lines,
  style,
}: {
  readonly lines: readonly Line[];
  readonly style: Style;
}): ReactElement =>
  h(
    Box,
    { flexDirection: 'column' },
    // Without a character a row has no height.
    ...lines.map((line, index) =>
      h(Row, { key: index }, line.map((span) => painted(span, style)).join('') || ' '),
    ),
  );
