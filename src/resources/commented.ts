/*
 * Lines of a file of others that berth sets aside by turning them into comments. They are brought back one by one: what
 * was written to the file meanwhile stays.
 */

const mark = '#berth# ';
const addedMark = ' # added by berth';

/** `text` with each line set aside that `isUnwanted`; lines that are comments already stay as they are. */
export const setAside = (text: string, isUnwanted: (line: string) => boolean): string =>
  text
    .split('\n')
    .map((line) => (isUnwanted(line) ? mark + line : line))
    .join('\n');

/** `text` with one line more; only for formats in which `#` begins a comment anywhere. */
export const addLine = (text: string, line: string): string =>
  `${text === '' || text.endsWith('\n') ? text : `${text}\n`}${line}${addedMark}\n`;

export const isSetAside = (line: string): boolean => line.startsWith(mark) || line.endsWith(addedMark);

export const hasSetAside = (text: string): boolean => text.split('\n').some(isSetAside);

export const bringBack = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.endsWith(addedMark))
    .map((line) => (line.startsWith(mark) ? line.slice(mark.length) : line))
    .join('\n');
