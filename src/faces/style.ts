import { styleText } from 'node:util';

export type Format = Parameters<typeof styleText>[0];

/** Paints text, or leaves it as it is where colours are not wanted. */
export type Style = (format: Format, text: string) => string;

/** Colours as `stream` can show them; NO_COLOR and FORCE_COLOR are honoured (https://no-color.org). */
export const styleFor =
  (stream: NodeJS.WriteStream): Style =>
  (format, text) =>
    styleText(format, text, { stream, validateStream: true });
