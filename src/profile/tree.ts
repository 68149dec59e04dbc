import { isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { type Finding, pathText } from './finding.ts';
import type { Source } from './source.ts';

export type Path = readonly (string | number)[];

/** Where a value stands. */
export interface Place {
  readonly source: Source;
  /** Within the file that it stands in. */
  readonly path: Path;
  /** Of the key, when it has one. */
  readonly keyOffset: number | undefined;
  readonly offset: number;
  /** It stands at an anchor, and an alias brings it here. */
  readonly aliased: boolean;
}

export type Scalar = string | number | bigint | boolean | null;

/** A value of a profile that remembers where it stands, and what it stands in front of. */
export interface Tree {
  readonly place: Place;
  readonly value: Scalar | readonly Tree[] | ReadonlyMap<string, Tree>;
  /** Values of the same key that this one won over, the nearest first. */
  readonly overrides: readonly Tree[];
  /** A number, true or false as it is written: 1.30 stays 1.30. */
  readonly literal?: string;
  /** The text in the file when it names variables: `value` is what became of it. */
  readonly written?: string;
  /** Declarations of the variables that it names. */
  readonly from?: readonly Tree[];
  /** Where a variable is used that brought this value from where it is declared. */
  readonly usedAt?: Place;
}

export const isMapping = (tree: Tree | undefined): tree is Tree & { value: ReadonlyMap<string, Tree> } =>
  tree?.value instanceof Map;
export const isList = (tree: Tree | undefined): tree is Tree & { value: readonly Tree[] } =>
  Array.isArray(tree?.value);

/** The value of a parsed file. Aliases are followed: their values stand where the anchor has them. */
export const treeOf = (source: Source): Tree => {
  const { document } = source;
  const build = (found: unknown, path: Path, key: number | undefined, aliased: boolean): Tree => {
    const isReference = isAlias(found);
    const node = isReference ? found.resolve(document) : found;
    const offset = (isNode(node) ? node.range?.[0] : undefined) ?? key ?? 0;
    const place: Place = { source, path, keyOffset: key, offset, aliased: aliased || isReference };
    const below = (child: unknown, part: string | number, keyOffset?: number): Tree =>
      build(child, [...path, part], keyOffset, place.aliased);
    const literal = isScalar(node) && typeof node.value !== 'string' ? node.source : undefined;
    return {
      place,
      value: contentOf(node, below),
      overrides: [],
      ...(literal === undefined ? {} : { literal }),
    };
  };
  return build(document.contents, [], undefined, false);
};

const contentOf = (
  node: unknown,
  below: (child: unknown, part: string | number, keyOffset?: number) => Tree,
): Tree['value'] => {
  if (isMap(node))
    return new Map(
      node.items.map((pair): [string, Tree] => {
        const key = keyOf(pair);
        return [key, below(pair.value, key, isNode(pair.key) ? pair.key.range?.[0] : undefined)];
      }),
    );
  if (isSeq(node)) return node.items.map((item, index) => below(item, index));
  return isScalar(node) ? scalarOf(node) : null;
};

const keyOf = ({ key }: Pair<unknown, unknown>): string => String(isScalar(key) ? key.value : key);

/** A whole number that a double cannot hold, as fs.file-max may be, stays the text that it is: every digit counts. */
const isTooLarge = (value: unknown, source: string | undefined): source is string =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '');

const scalarOf = (node: Node): Scalar => {
  const value: unknown = isScalar(node) ? node.value : null;
  if (isScalar(node) && isTooLarge(value, node.source)) return node.source;
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      return null;
  }
};

/** The value without its places. */
export const plainOf = (tree: Tree): unknown => {
  if (isMapping(tree))
    return Object.fromEntries([...tree.value].map(([key, child]) => [key, plainOf(child)]));
  return isList(tree) ? tree.value.map(plainOf) : tree.value;
};

export const childOf = (tree: Tree | undefined, part: string | number): Tree | undefined => {
  if (isMapping(tree)) return tree.value.get(String(part));
  return isList(tree) ? tree.value[Number(part)] : undefined;
};

export const treeAt = (tree: Tree | undefined, path: Path): Tree | undefined =>
  path.reduce<Tree | undefined>((at, part) => childOf(at, part), tree);

/** Every scalar below, itself included. */
export function* scalarsOf(tree: Tree): Generator<Tree> {
  if (isMapping(tree)) for (const child of tree.value.values()) yield* scalarsOf(child);
  else if (isList(tree)) for (const child of tree.value) yield* scalarsOf(child);
  else yield tree;
}

/**
 * Where in which file a finding stands, and its path there. A path that leaves the tree (a missing key) stands where the
 * mapping starts that lacks it.
 */
export const locate = (
  tree: Tree,
  { path, at }: Pick<Finding, 'path' | 'at'>,
): { readonly source: Source; readonly offset: number; readonly where: string } => {
  let found = tree;
  let rest = path;
  for (let next = childOf(found, rest[0] ?? ''); rest.length > 0 && next !== undefined; ) {
    found = next;
    rest = rest.slice(1);
    next = rest[0] === undefined ? undefined : childOf(found, rest[0]);
  }
  const place = (at === 'use' ? found.usedAt : undefined) ?? found.place;
  const isKey = at === 'key' && rest.length === 0;
  return {
    source: place.source,
    offset: (isKey ? place.keyOffset : undefined) ?? place.offset,
    where: pathText([...place.path, ...rest]),
  };
};
