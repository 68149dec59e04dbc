/*
 * Lines of a file of others that berth sets aside by turning them into comments. They are brought back one by one: what
 * was written to the file meanwhile stays.
 */

const mark = '#berth# ';

/** `text` with each line set aside that `isUnwanted`; lines that are comments already stay as they are. */
export const setAside = (text: string, isUnwanted: (line: string) => boolean): string =>
  text
    .split('\n')
    .map((line) => (isUnwanted(line) ? mark + line : line))
    .join('\n');

export const hasSetAside = (text: string): boolean => text.split('\n').some((line) => line.startsWith(mark));

export const bringBack = (text: string): string =>
  text
    .split('\n')
    .map((line) => (line.startsWith(mark) ? line.slice(mark.length) : line))
    .join('\n');
