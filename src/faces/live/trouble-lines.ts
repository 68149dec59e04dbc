import { CommandFailed, type Fail } from '../../core/fail.ts';
import { printable } from '../../core/text.ts';
import type { Trouble } from './board.ts';
import { type Line, rowsOf, type Span } from './line.ts';

interface Telling {
  readonly width: number;
  /** At most so many lines: what went wrong and the remedy first, then as much evidence as there is room for. */
  readonly rows?: number;
}

interface Told {
  readonly headline: string;
  /** What says in the headline what was seen. */
  readonly sentence: string;
  readonly evidence: readonly { readonly title: string; readonly text: string }[];
  readonly remedy: string | undefined;
}

const toldFailure = (error: Fail): Told => ({
  headline: printable(error.message),
  sentence: printable(error.message),
  evidence:
    error instanceof CommandFailed
      ? [
          {
            title: `$ ${error.argv.map((each) => (each.includes('\n') ? "'…'" : each)).join(' ')}`,
            text: '',
          },
          { title: 'what it complained', text: error.stderr },
          { title: 'what it printed', text: error.stdout },
        ].filter(({ title, text }) => title.startsWith('$') || text.trim() !== '')
      : [],
  remedy: error.hint,
});

const told = (trouble: Trouble): Told => {
  if (trouble.kind === 'failure') return toldFailure(trouble.error);
  const { id, title, detail, evidence = [], remedy } = trouble.check;
  const sentence = printable(detail).trim();
  const when = trouble.wentBack ? 'after going back: ' : '';
  return { headline: `${when}${id}: ${title}: ${sentence}`, sentence, evidence, remedy };
};

const looked =
  (look: Omit<Span, 'text'>, indent: string, width: number) =>
  (text: string): readonly Line[] =>
    printable(text)
      .trimEnd()
      .split('\n')
      .flatMap((line) => rowsOf(indent + line, Math.max(1, width)))
      .map((row) => [{ text: row, ...look }]);

/** Colours are not there for everybody. */
const mark = '✗ ';

/** Of one output, where there is room for all of them. */
const linesOfOutput = 60;

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/**
 * What the first output tells beside the sentence of the failure. A JSON text is there for programs; an output that has the
 * sentence, which is mostly its last line, was told by it.
 */
const tellingText = ({ sentence, evidence }: Told): string => {
  const output = printable(evidence.find(({ text }) => text.trim() !== '')?.text ?? '');
  return isJson(output) || output.includes(sentence) ? '' : output;
};

/** What went wrong, what shows it, and the remedy. */
export const troubleLines = (trouble: Trouble, { width, rows }: Telling): readonly Line[] => {
  const what = told(trouble);
  const { headline, evidence, remedy } = what;
  const head = looked(
    { colour: 'red' },
    '',
    width - mark.length,
  )(headline).map(
    (line, index): Line => [{ text: index === 0 ? mark : ' '.repeat(mark.length), colour: 'red' }, ...line],
  );
  const last = remedy === undefined ? [] : looked({ colour: 'yellow' }, '  ', width)(`remedy: ${remedy}`);
  const dimmed = looked({ dim: true }, '    ', width);
  if (rows === undefined) {
    const outputs = evidence.flatMap(({ title, text }) => [
      ...looked({}, '   ', width)(title),
      ...(text.trim() === '' ? [] : lastOf(dimmed(text), linesOfOutput)),
    ]);
    return [...head, ...outputs, ...last];
  }
  const left = Math.max(0, rows - head.length - last.length);
  const telling = tellingText(what);
  const shown = telling === '' || left === 0 ? [] : dimmed(telling).slice(-left);
  return [...head, ...shown, ...last].slice(0, rows);
};

/** The reason usually stands at the end. */
const lastOf = (lines: readonly Line[], count: number): readonly Line[] =>
  lines.length <= count
    ? lines
    : [[{ text: `  … ${lines.length - count} lines before`, dim: true }], ...lines.slice(-count)];
