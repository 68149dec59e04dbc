/** What stands before the text of the line, and before the caret below it. */
const gutter = /^ *\d+ \| /;

/** A code frame in at most `width` columns: of a line that is longer, what is around the caret. */
export const cutFrame = (frame: string, width: number): string => {
  const [code = '', below = ''] = frame.split('\n');
  const length = Math.max(code.length, below.length);
  if (length <= width) return frame;
  const [number = ''] = gutter.exec(code) ?? [];
  // As many characters as there is room for, the caret in their middle as long as there are some on both sides.
  const room = Math.max(3, width - number.length);
  const caret = below.length - 1;
  const start = Math.max(number.length, Math.min(caret - Math.floor(room / 2), length - room));
  const shown = (line: string, mark: string): string => {
    const before = start > number.length ? mark : '';
    const after = line.length > start + room ? mark : '';
    return before + line.slice(start + before.length, start + room - after.length) + after;
  };
  return `${number}${shown(code, '…')}\n${below.slice(0, number.length)}${shown(below, ' ')}`;
};
