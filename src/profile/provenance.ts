import type { Saying } from '../core/explanation.ts';
import { pathText } from './finding.ts';
import { specSchema } from './schema.ts';
import { isList, isMapping, type Path, type Place, plainOf, type Tree, treeAt } from './tree.ts';

export interface Provenance {
  /** What decides, its variables, and what was won over, the nearest first. Empty: only the default says it. */
  readonly sayings: readonly Saying[];
  readonly fallback: unknown;
}

const layerOf = ({ source: { file, role }, path }: Place): string => {
  const [top, name] = path;
  const short = file.split('/').at(-1) ?? file;
  const where =
    role === 'profile' ? '' : ` in the ${role === 'overlay' ? 'overlay' : 'included file'} ${short}`;
  if (top === 'vars' || path.includes('vars')) return `the variable ${path.at(-1)}${where}`;
  if (top === 'groups') return `the group ${name}${where}`;
  if (top === 'hosts') return `the host itself${where}`;
  if (top === 'defaults') return `the defaults of hosts${where}`;
  if (role === 'profile') return 'the profile';
  return `the ${role === 'overlay' ? 'overlay' : 'included file'} ${short}`;
};

const sayingOf = (tree: Tree, part: Saying['part']): Saying => {
  const { place } = tree;
  const { line, col } = place.source.lineCounter.linePos(place.offset);
  return {
    file: place.source.file,
    line,
    column: col,
    path: pathText(place.path),
    layer: layerOf(place),
    part,
    value: plainOf(tree),
    ...(tree.written === undefined ? {} : { written: tree.written }),
  };
};

/** A mapping is said by all its files together: told are those places that say its values. */
const sayingsOf = (tree: Tree): readonly Saying[] =>
  isMapping(tree) && tree.written === undefined
    ? [...tree.value.values()].flatMap(sayingsOf)
    : [
        sayingOf(tree, 'decides'),
        ...(tree.from ?? []).map((variable) => sayingOf(variable, 'variable')),
        ...tree.overrides.map((over) => sayingOf(over, 'won over')),
      ];

/** What says a value of a host, and what it would be if nothing did. */
export const provenanceOf = (host: Tree, path: Path): Provenance => {
  const found = nearestSaid(host, path);
  const sayings = found === undefined ? [] : sayingsOf(found);
  return { sayings, fallback: fallbackOf(path) };
};

/** An entry of a list is said by the list when that says it as a whole. */
const nearestSaid = (host: Tree, path: Path): Tree | undefined => {
  const found = treeAt(host, path);
  if (found !== undefined) return found;
  const above = treeAt(host, path.slice(0, -1));
  return isList(above) && typeof path.at(-1) === 'number' ? above : undefined;
};

const fallbackOf = ([top, ...path]: Path): unknown => {
  if (top !== 'spec') return undefined;
  const spec = specSchema.parse({});
  return path.reduce<unknown>(
    (at, part) =>
      typeof at === 'object' && at !== null
        ? (at as Readonly<Record<string, unknown>>)[String(part)]
        : undefined,
    spec,
  );
};
