import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  stringify,
  visit,
} from 'yaml';
import { Fail } from '../core/fail.ts';
import { styleOf, transferred } from './transfer-lines.ts';
import type { Path } from './tree.ts';

/*
 * Edits of YAML that leave everything else as it is written: a scalar is replaced within its line; of a larger edit, only
 * the lines that it changes are taken over, indented as their neighbours are.
 */

/** `text` with `value` at `path`; mappings that lack on the way are made. */
export const setInYaml = (text: string, path: Path, value: unknown): string =>
  spliced(text, path, value) ?? rewritten(text, path, value);

/** `text` with `values` behind the entries of the list at `path`. */
export const appendToYaml = (text: string, path: Path, values: readonly unknown[]): string =>
  reworked(text, (document) => {
    for (const value of values) document.addIn(path, document.createNode(value));
  });

/** `text` with a comment above the key at `path`, unless there is one. */
export const commentInYaml = (text: string, path: Path, comment: string): string =>
  reworked(text, (document) => {
    const around = document.getIn(path.slice(0, -1), true);
    const pair = isMap(around)
      ? around.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
      : undefined;
    if (isScalar(pair?.key)) pair.key.commentBefore ||= ` ${comment}`;
  });

/** `text` without what stands at `path`, its comments included. */
export const removeFromYaml = (text: string, path: Path): string =>
  reworked(text, (document) => {
    document.deleteIn(path);
  });

const isPlain = (value: unknown): boolean => value === null || typeof value !== 'object';

/** One value for another on one line; undefined when there is more to it. */
const spliced = (text: string, path: Path, value: unknown): string | undefined => {
  const node = parseDocument(text).getIn(path, true);
  if (isSeq(node) && node.flow !== true) return splicedEntries(text, path, node.items, value);
  const written = onOneLine(node, value);
  if (written === undefined || !isNode(node) || !node.range) return undefined;
  const [start, end] = node.range;
  const isOneLine = !written.includes('\n') && !text.slice(start, end).includes('\n');
  const made = `${text.slice(0, start)}${written}${text.slice(end)}`;
  return isOneLine && start < end && reads(made, path, value) ? made : undefined;
};

/** As many entries as before, each on its line. */
const splicedEntries = (
  text: string,
  path: Path,
  now: readonly unknown[],
  value: unknown,
): string | undefined => {
  if (!Array.isArray(value) || value.length !== now.length || ![...value, ...now.map(plain)].every(isPlain))
    return undefined;
  return value.reduce<string | undefined>(
    (made, entry, index) => made && spliced(made, [...path, index], entry),
    text,
  );
};

const plain = (node: unknown): unknown => (isScalar(node) ? node.value : node);

const onOneLine = (node: unknown, value: unknown): string | undefined => {
  if (isScalar(node) && isPlain(value)) return scalarText(value, node.type);
  if (!isSeq(node) || node.flow !== true || !Array.isArray(value) || !value.every(isPlain)) return undefined;
  return `[${value.map((entry) => scalarText(entry, undefined)).join(', ')}]`;
};

const scalarText = (value: unknown, type: string | undefined): string =>
  stringify(value, { lineWidth: 0, ...quoting(type) }).trimEnd();

const quoting = (type: string | undefined): { defaultStringType?: 'QUOTE_DOUBLE' | 'QUOTE_SINGLE' } => {
  if (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') return { defaultStringType: type };
  return {};
};

/** Within a mapping on one line a text may need quotes that it does not need elsewhere. */
const reads = (text: string, path: Path, value: unknown): boolean => {
  const document = parseDocument(text);
  if (document.errors.length > 0) return false;
  const found = document.getIn(path, true);
  return isDeepStrictEqual(isNode(found) ? found.toJS(document) : found, value);
};

const rewritten = (text: string, path: Path, value: unknown): string =>
  reworked(text, (document) => setNode(document, path, value));

const reworked = (text: string, change: (document: Document.Parsed) => void): string => {
  const document = parseDocument(text);
  const style = styleOf(text, document);
  const options = {
    lineWidth: 0,
    indent: style.step,
    flowCollectionPadding: !/\{[^\s}]/.test(text.replaceAll('${', '')),
  };
  const before = document.toString(options);
  change(document);
  requireAnchors(document);
  const after = document.toString(options);
  const made = transferred(text, before, after, style);
  // Where rendering alone makes other lines of the neighbours there is nothing to go by.
  return made !== undefined && means(made, after) ? made : after;
};

/** An anchor that goes would leave its aliases without a meaning. */
const requireAnchors = (document: Document.Parsed): void =>
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      throw new Fail(
        'BadUsage',
        `this cannot be changed by itself: elsewhere the alias *${alias.source} stands for it`,
        { hint: 'write there what it stands for first' },
      );
    },
  });

const means = (made: string, rendered: string): boolean => {
  const document = parseDocument(made);
  return document.errors.length === 0 && isDeepStrictEqual(document.toJS(), parseDocument(rendered).toJS());
};

/** Comments around a value stay when it is replaced, and so does its style. */
const setNode = (document: Document.Parsed, path: Path, value: unknown): void => {
  const now = document.getIn(path, true);
  const made = document.createNode(value);
  if (isNode(now) && !isAlias(now)) {
    if (now.commentBefore) made.commentBefore = now.commentBefore;
    if (now.comment) made.comment = now.comment;
    if (isCollection(now) && isCollection(made)) made.flow = (now.flow ?? false) && !isOnlyEmpty(now, made);
    if (isSeq(now) && isSeq(made)) keepEntries(document, now.items, made.items);
  }
  makeWay(document, path);
  document.setIn(path, made);
};

/** `[]` says that there is nothing, and not that entries which are mappings belong on one line. */
const isOnlyEmpty = (now: { items: readonly unknown[] }, made: { items: readonly unknown[] }): boolean =>
  now.items.length === 0 && made.items.some(isCollection);

/** Entries that stay what they are keep their comments, wherever they come to stand. */
const keepEntries = (document: Document.Parsed, from: readonly unknown[], to: unknown[]): void => {
  const known = from.filter(isNode);
  for (const [index, item] of to.entries()) {
    const value = isNode(item) ? item.toJS(document) : item;
    const same = known.findIndex((one) => isDeepStrictEqual(one.toJS(document), value));
    // Each of them once: of two that are alike the second is another node.
    if (same >= 0) to[index] = known.splice(same, 1)[0];
  }
};

/** A key without a value, as in `spec:`, is a mapping that nobody has filled yet. */
const makeWay = (document: Document.Parsed, path: Path): void => {
  for (let length = 0; length < path.length; length += 1) {
    const here = path.slice(0, length);
    const node = document.getIn(here, true);
    if (node === undefined) return;
    if (!isScalar(node) || node.value !== null) continue;
    const made = document.createNode({});
    if (isMap(made)) made.flow = false;
    if (length === 0) document.contents = made as unknown as typeof document.contents;
    else document.setIn(here, made);
  }
};
