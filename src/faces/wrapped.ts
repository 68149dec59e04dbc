/**
 * `text` in lines of at most `width` columns, broken between words; the second and later ones start with `indent` blanks.
 * A word that is longer than a line stays whole.
 */
export const wrapped = (text: string, width: number, indent: number): string => {
  const [start = ''] = /^ */.exec(text) ?? [];
  const [first = '', ...words] = text.slice(start.length).split(' ');
  const lines: string[] = [];
  let line = start + first;
  for (const word of words) {
    if (line.length + 1 + word.length <= width) {
      line += ` ${word}`;
      continue;
    }
    lines.push(line);
    line = ' '.repeat(indent) + word;
  }
  return [...lines, line].join('\n');
};
