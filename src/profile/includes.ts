import { dirname, join, normalize } from 'node:path';
import { pathText } from './finding.ts';
import { badProfile, type Problem } from './problem.ts';
import type { SourceText } from './profile.ts';
import { type ParsedSource, parseSource, problemAt, type Source } from './source.ts';
import { isList, isMapping, type Tree, treeOf } from './tree.ts';

/** Deeper than any sane arrangement of files, and shallow enough to say so soon. */
const maxDepth = 10;

/** Answers the text of a file; a text in words says why there is none. */
export type ReadText = (
  file: string,
) => { readonly text: string } | { readonly why: string; readonly cause?: unknown };

/** An `include` entry, and the file that it names, relative to the file in which it stands. */
const includesOf = (source: Source): { readonly file: string; readonly tree: Tree }[] => {
  const tree = treeOf(source);
  const include = isMapping(tree) ? tree.value.get('include') : undefined;
  // What has another shape is told with the other problems of the profile.
  return (isList(include) ? include.value : []).flatMap((entry) =>
    typeof entry.value === 'string' && entry.value !== ''
      ? [{ file: beside(source.file, entry.value), tree: entry }]
      : [],
  );
};

/** Relative stays relative, for messages. */
const beside = (file: string, named: string): string =>
  named.startsWith('/') ? normalize(named) : normalize(join(dirname(file), named));

const refusalOf = (file: string, path: readonly string[]): { readonly why: string } | undefined => {
  if (path.includes(file)) return { why: `it includes itself: ${[...path, file].join(' → ')}` };
  if (path.length <= maxDepth) return undefined;
  return { why: `it is ${path.length} files deep, at most ${maxDepth} may be` };
};

/**
 * The files of a profile, those of lower precedence first: what a file includes stands before the file itself, overlays
 * after it.
 * @throws Fail `BadProfile` when one cannot be read or parsed.
 */
export const gatherSources = (
  roots: readonly SourceText[],
  read: ReadText,
): { readonly sources: readonly Source[]; readonly problems: readonly Problem[] } => {
  const gathered: Source[] = [];
  const problems: Problem[] = [];
  let usable = true;

  const add = (parsed: ParsedSource, path: readonly string[]): void => {
    problems.push(...parsed.problems);
    usable &&= parsed.usable;
    if (!parsed.usable) return;
    const { source } = parsed;
    for (const { file, tree } of includesOf(source)) include(source, file, tree, path);
    gathered.push(source);
  };

  const include = (from: Source, file: string, tree: Tree, path: readonly string[]): void => {
    const answer = refusalOf(file, path) ?? read(file);
    if ('why' in answer) {
      const where = pathText(tree.place.path);
      problems.push(problemAt(from, tree.place.offset, `${where}: cannot include ${file}: ${answer.why}`));
      usable = false;
      return;
    }
    const role = from.role === 'overlay' ? 'overlay' : 'include';
    add(parseSource({ file, text: answer.text, role }), [...path, file]);
  };

  for (const root of roots) add(parseSource(root), [normalize(root.file)]);
  const [first] = roots;
  if (!usable) throw badProfile(first?.file ?? '', problems);
  return { sources: gathered, problems };
};
