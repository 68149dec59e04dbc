/** Keys whose values must not reach a log, even when somebody wrote one into a profile against the rules. */
const secretValue =
  /(\b\w*(?:pas+w|pass|pwd|secret|token)\w*["']?\s*:\s*)(?!(?:true|false)\b)([^\s{}][^{},\n]*)/gi;

const masked = (line: string): string =>
  line.replace(secretValue, (_whole, key: string, value: string) => key + '*'.repeat(value.length));

/** Of a line that is longer, this much on either side of the column. */
const around = 80;

/** `line` of `text`, numbered, with a caret under `column`; secrets are masked without moving the caret. */
export const codeFrame = (text: string, line: number, column: number): string => {
  const whole = masked(text.split(/\r?\n/)[line - 1] ?? '');
  const start = whole.length <= 2 * around ? 0 : Math.max(0, column - 1 - around);
  const end = whole.length <= 2 * around ? whole.length : column - 1 + around;
  const shown = `${start > 0 ? '…' : ''}${whole.slice(start, end)}${end < whole.length ? '…' : ''}`;
  const gutter = String(line).padStart(5);
  // Tabs stay tabs, so that the caret stands under its character whatever the terminal's tab width is.
  const indent = shown.slice(0, column - 1 - start + (start > 0 ? 1 : 0)).replace(/[^\t]/g, ' ');
  return `${gutter} | ${shown}\n${' '.repeat(gutter.length)} | ${indent}^`;
};
