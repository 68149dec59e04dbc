import { z } from 'zod';
import { Fail } from '../../core/fail.ts';
import { describeIssue } from '../../profile/describe-issue.ts';
import {
  appendInProfile,
  commentInProfile,
  type Edited,
  effective,
  removeFromProfile,
  setInProfile,
  withEdit,
} from '../../profile/edit-profile.ts';
import { bare, below } from '../../profile/known-keys.ts';
import { profileOf, resolveSources } from '../../profile/parse-profile.ts';
import { type Problem, problemsOf } from '../../profile/problem.ts';
import type { Profile, ProfileSources } from '../../profile/profile.ts';
import type { ResolvedProfile } from '../../profile/resolve-hosts.ts';
import { profileSchema } from '../../profile/schema.ts';
import { type Path, plainOf, type Tree, treeAt } from '../../profile/tree.ts';
import { valueAt as valueIn } from '../../profile/value-at.ts';
import { mentionsVariables } from '../../profile/variables.ts';

/*
 * The profile that the wizard writes: read and edited as text, judged by the schema of every profile. A document is never
 * made worse: an edit that would bring a problem is told, and not made.
 */

export type Edit =
  | { readonly kind: 'set'; readonly path: Path; readonly value: unknown }
  | { readonly kind: 'append'; readonly path: Path; readonly values: readonly unknown[] }
  | { readonly kind: 'comment'; readonly path: Path; readonly text: string }
  | { readonly kind: 'remove'; readonly path: Path };

/** Each keystroke asks several times what the same text means. */
const known = new WeakMap<ProfileSources, Meaning>();

interface Meaning {
  readonly resolved: ResolvedProfile;
  /** Undefined: there are problems. */
  readonly profile: Profile | undefined;
  readonly problems: readonly Problem[];
}

const meaningOf = (sources: ProfileSources): Meaning => {
  const meaning = known.get(sources) ?? understand(sources);
  known.set(sources, meaning);
  return meaning;
};

const understand = (sources: ProfileSources): Meaning => {
  const resolved = resolveSources(sources);
  try {
    return { resolved, profile: profileOf(resolved), problems: [] };
  } catch (error) {
    if (!(error instanceof Fail) || error.code !== 'BadProfile') throw error;
    return { resolved, profile: undefined, problems: problemsOf(error) };
  }
};

/** Everything that is wrong with the document. */
export const problemsIn = (sources: ProfileSources): readonly Problem[] => meaningOf(sources).problems;

/** The profile, when nothing is wrong with it. */
export const profileIn = (sources: ProfileSources): Profile | undefined => meaningOf(sources).profile;

export const rootOf = (sources: ProfileSources): Tree => meaningOf(sources).resolved.root;

/** The text of the profile's own file. */
export const ownText = (sources: ProfileSources): string =>
  sources.files.find(({ role }) => role === 'profile')?.text ?? '';

/** What the profile says at a path, or means by saying nothing; undefined where there is no default. */
export const valueAt = (sources: ProfileSources, path: Path): unknown => {
  const root = rootOf(sources);
  const found = treeAt(root, path);
  if (found !== undefined && found.value !== null) return plainOf(found);
  return effective(root, path);
};

/** What the schema says of a path; undefined: it knows no such key. */
export const schemaAt = (path: Path): ReturnType<typeof below> =>
  path.reduce<ReturnType<typeof below>>((at, part) => at && below(at, part), profileSchema);

/** Whether the schema knows a key, so that what other versions of it bring is offered as soon as it is there. */
export const knows = (path: Path): boolean => schemaAt(path) !== undefined;

/** The values that may stand at a path; empty: any. */
export const choicesAt = (path: Path): readonly string[] => {
  const schema = schemaAt(path);
  const inner = schema === undefined ? undefined : bare(schema);
  const options = inner !== undefined && 'options' in inner ? inner.options : undefined;
  return Array.isArray(options) ? options.filter((option) => typeof option === 'string') : [];
};

/** Why a value may not stand at a path, whatever the rest says; undefined: it may. */
export const misfit = (path: Path, value: unknown): string | undefined => issueOf(path, value)?.message;

const issueOf = (path: Path, value: unknown): z.core.$ZodIssue | undefined => {
  const schema = schemaAt(path);
  // What a text with a variable means is judged where it is replaced.
  if (!(schema instanceof z.ZodType) || mentionsVariables(value)) return undefined;
  return schema.safeParse(value, { error: describeIssue }).error?.issues[0];
};

/** Why a host may not stand in the profile, with the text that is wrong. */
export const misfitOfHost = (host: unknown): string | undefined => {
  const issue = issueOf(['hosts', 0], host);
  const text = issue === undefined ? undefined : valueIn(host, issue.path.map(String));
  return typeof text === 'string' && issue?.message.startsWith('is ')
    ? `"${text}" ${issue.message}`
    : issue?.message;
};

export type Tried = { readonly sources: ProfileSources } | { readonly problem: string };

/** Makes edits, unless the document would have a problem that it has not now; with `evenWorse`, in any case. */
export const tryEdits = (
  sources: ProfileSources,
  edits: readonly Edit[],
  { evenWorse = false }: { readonly evenWorse?: boolean } = {},
): Tried => {
  for (const edit of evenWorse ? [] : edits) {
    const why = misfits(edit)[0];
    if (why !== undefined) return { problem: why };
  }
  try {
    const made = edits.reduce(edited, sources);
    if (evenWorse) return { sources: made };
    const before = new Set(problemsIn(sources).map(({ message }) => message));
    const added = problemsIn(made).find(({ message }) => !before.has(message));
    return added === undefined ? { sources: made } : { problem: added.message };
  } catch (error) {
    if (!(error instanceof Fail) || error.code === 'Internal') throw error;
    return { problem: reasonOf(error) };
  }
};

/** Of a profile that cannot be read: where, and why. */
const reasonOf = (error: Fail): string => {
  const [first] = problemsOf(error);
  if (first !== undefined) return `${first.file}:${first.line}:${first.column}: ${first.message}`;
  return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
};

const misfits = (edit: Edit): readonly string[] => {
  if (edit.kind === 'remove' || edit.kind === 'comment') return [];
  const [path, values] = edit.kind === 'set' ? [edit.path, [edit.value]] : [[...edit.path, 0], edit.values];
  return values.flatMap((value) => misfit(path, value) ?? []);
};

const edited = (sources: ProfileSources, edit: Edit): ProfileSources => {
  const change = changeOf(sources, edit);
  return change === undefined ? sources : withEdit(sources, change);
};

const changeOf = (sources: ProfileSources, edit: Edit): Edited | undefined => {
  switch (edit.kind) {
    case 'set':
      return setInProfile(sources, undefined, edit.path, edit.value);
    case 'append':
      return appendInProfile(sources, edit.path, edit.values);
    case 'comment':
      return commentInProfile(sources, edit.path, edit.text);
    case 'remove':
      return removeFromProfile(sources, edit.path);
  }
};
