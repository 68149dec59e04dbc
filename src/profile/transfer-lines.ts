import { diffArrays } from 'diff';
import { type Document, isMap, isNode, isSeq, visit } from 'yaml';

/** How a document is indented where nothing beside a new line tells. */
export interface IndentStyle {
  /** Columns between a key and the mapping below it. */
  readonly step: number;
  /** Whether the dashes of a list stand deeper than its key. */
  readonly deepLists: boolean;
}

/** What the first mapping and the first list below a key have. */
export const styleOf = (text: string, document: Document.Parsed): IndentStyle => {
  const columnOf = (offset: number): number => offset - (text.lastIndexOf('\n', offset - 1) + 1);
  const steps: number[] = [];
  const lists: number[] = [];
  visit(document, {
    Pair: (_key, { key, value }) => {
      if (!isNode(key) || !key.range || !isNode(value) || !value.range) return;
      const depth = columnOf(value.range[0]) - columnOf(key.range[0]);
      if (isMap(value) && value.flow !== true && depth > 0) steps.push(depth);
      if (isSeq(value) && value.flow !== true) lists.push(depth);
    },
  });
  return { step: steps[0] ?? 2, deepLists: lists[0] !== 0 };
};

/**
 * Takes what differs between two renderings of a document over into the text as it was written; undefined where a line that
 * goes is not to be found in it. Lines that come are indented as the text indents what is on their level.
 */
export const transferred = (
  text: string,
  before: string,
  after: string,
  style: IndentStyle,
): string | undefined => {
  const [written, rendered] = [linesOf(text), linesOf(before)];
  const partners = partnersOf(rendered, written);
  const newline = text.includes('\r\n') ? '\r' : '';
  const levels = new Levels(style);
  const result: string[] = [];
  let [at, next] = [0, 0];
  for (const { value, added, removed } of diffArrays(rendered, linesOf(after))) {
    if (added) {
      result.push(...value.map((line) => levels.indented(line) + newline));
      continue;
    }
    for (const line of value) {
      const partner = partners.get(at);
      at += 1;
      if (partner === undefined) {
        if (removed && essence(line) !== '') return undefined;
        continue;
      }
      result.push(...written.slice(next, partner));
      next = partner + 1;
      levels.meet(line, written[partner] ?? '');
      if (!removed) result.push(written[partner] ?? '');
    }
  }
  return [...result, ...written.slice(next)].join('\n') + (text.endsWith('\n') ? '\n' : '');
};

const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n');

/** Rendering moves comments and spaces, and nothing else. */
const essence = (line: string): string =>
  line
    .trimEnd()
    .replace(/(^|\s)#.*$/, '')
    .replace(/\s+/g, '');

/** For lines of the rendering, the same ones as they are written. */
const partnersOf = (rendered: readonly string[], written: readonly string[]): ReadonlyMap<number, number> => {
  const partners = new Map<number, number>();
  let [one, other] = [0, 0];
  for (const { count, added, removed } of diffArrays(rendered.map(essence), written.map(essence))) {
    if (!added && !removed)
      for (let index = 0; index < count; index += 1) partners.set(one + index, other + index);
    if (!added) one += count;
    if (!removed) other += count;
  }
  return partners;
};

/** Where the text has the levels that lines are on, seen from the line that was met last. */
class Levels {
  readonly #style: IndentStyle;
  /** The outer ones first. */
  #known: { readonly rendered: number; readonly written: number }[] = [];

  constructor(style: IndentStyle) {
    this.#style = style;
  }

  meet(rendered: string, written: string): void {
    // Comments stand where people like them.
    if (essence(rendered) === '') return;
    const columns = columnsOf(written);
    for (const [index, column] of columnsOf(rendered).entries()) this.#set(column, columns[index] ?? column);
  }

  indented(line: string): string {
    if (line.trim() === '') return line;
    const [column = 0] = columnsOf(line);
    const made = ' '.repeat(this.#columnFor(column, line)) + line.slice(column);
    this.meet(line, made);
    return made;
  }

  #set(rendered: number, written: number): void {
    this.#known = [...this.#known.filter((level) => level.rendered < rendered), { rendered, written }];
  }

  #columnFor(column: number, line: string): number {
    const level = this.#known.findLast(({ rendered }) => rendered <= column) ?? { rendered: 0, written: 0 };
    const isList = level.rendered < column && line.startsWith('-', column);
    return level.written + (isList && !this.#style.deepLists ? 0 : column - level.rendered);
  }
}

/** Of what a line begins with: of each dash of a list, and of what follows. */
const columnsOf = (line: string): number[] => {
  const [start = ''] = /^ *(?:- +)*/.exec(line) ?? [];
  return [...start.matchAll(/-/g)].map(({ index }) => index).concat(start.length);
};
