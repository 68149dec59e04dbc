import { Box, Text } from 'ink';
import { createElement as h, type ReactElement } from 'react';
import type { Line, Span } from './line.ts';

const spanOf = ({ text, colour, bold, dim }: Span, key: number, colours: boolean): ReactElement =>
  h(
    Text,
    {
      key,
      ...(colour === undefined || !colours ? {} : { color: colour }),
      ...(bold === undefined ? {} : { bold }),
      ...(dim === undefined ? {} : { dimColor: dim }),
    },
    text,
  );

/** Lines as ink draws them. A line never wraps: what a terminal shows wider than we count is cut. */
export const Picture = ({
  lines,
  colours,
}: {
  readonly lines: readonly Line[];
  readonly colours: boolean;
}): ReactElement =>
  h(
    Box,
    { flexDirection: 'column' },
    ...lines.map((line, index) =>
      h(
        Text,
        { key: index, wrap: 'truncate-end' },
        ...(line.length === 0 ? [' '] : line.map((span, at) => spanOf(span, at, colours))),
      ),
    ),
  );
