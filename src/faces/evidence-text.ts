import type { Check } from '../core/events.ts';
import { printable, shortened } from '../core/text.ts';
import type { Style } from './style.ts';

/** Of one output; its end says most. */
const linesOfOne = 12;
/** Of all outputs of a host: the table above them must stay in sight. */
const linesOfAll = 60;
const charactersOfLine = 240;

/**
 * What red checks of a host have seen, for people: the ends of outputs, each line of a journal once however many checks
 * show it, and no more than fits on a screen. --json and --log-file have all of it.
 */
export class EvidenceText {
  readonly #shown = new Set<string>();
  readonly #style: Style;
  #left = linesOfAll;
  #isCut = false;

  constructor(style: Style) {
    this.#style = style;
  }

  linesOf({ evidence = [] }: Check): string[] {
    return evidence.flatMap(({ title, text }) => {
      const fresh = linesIn(text).filter((line) => !this.#shown.has(title + line));
      for (const line of fresh) this.#shown.add(title + line);
      const room = Math.min(linesOfOne, this.#left);
      if (fresh.length === 0) return [];
      this.#isCut ||= fresh.length > room;
      if (room === 0) return [];
      const last = fresh.slice(-room);
      this.#left -= last.length;
      const cut = fresh.length - last.length;
      return [
        `     ${this.#style('bold', title)}`,
        ...indented([...(cut > 0 ? [`… ${cut} lines before`] : []), ...last]),
      ];
    });
  }

  /** Where the rest is; undefined: all of it was shown. */
  get rest(): string | undefined {
    return this.#isCut ? 'some of it was left out: --log-file FILE and --json have all' : undefined;
  }
}

const linesIn = (text: string): string[] => printable(text).trimEnd().split('\n');

const indented = (lines: readonly string[]): string[] =>
  lines.map((line) => `       ${shortened(line, charactersOfLine)}`);
