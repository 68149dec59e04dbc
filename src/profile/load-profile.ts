import { readFileSync } from 'node:fs';
import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { readExternal } from './external.ts';
import { gatherSources, type ReadText } from './includes.ts';
import { profileOf, resolveSources } from './parse-profile.ts';
import type { Profile, ProfileSources, SourceText } from './profile.ts';
import { declaredVariables, type ResolvedProfile } from './resolve-hosts.ts';
import { mentionedIn } from './variables.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'you may not read it',
};

const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);

/** The files of a profile are few and small; nothing else can go on before they are read. */
const readText: ReadText = (file) => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const code = codeOf(cause);
    return { why: reasons[code] ?? code };
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (cause) {
    return { why: notText, cause };
  }
};

const notText = 'it is not a text in UTF-8';

const named = (file: string, role: SourceText['role']): SourceText => {
  const answer = readText(file);
  if ('text' in answer) return { file, text: answer.text, role };
  const what = role === 'overlay' ? 'overlay' : 'profile';
  const { why, cause } = answer;
  if (why === notText)
    throw new Fail('BadProfile', `the ${what} ${file} is not a text in UTF-8`, { context: { file }, cause });
  throw new Fail('BadProfile', `cannot read the ${what} ${file}: ${why}`, {
    hint: 'profiles/ has examples to copy',
    context: { file },
  });
};

/** What the command line adds to a profile. */
export interface ProfileAdditions {
  /** Files that are laid over the profile, in this order. */
  readonly overlays: readonly string[];
  /** Values of variables, as NAME=VALUE. */
  readonly set: readonly string[];
}

const nothing: ProfileAdditions = { overlays: [], set: [] };

/**
 * A value for a variable that is nowhere would change nothing, and nobody would see why.
 * @throws Fail `BadUsage`
 */
const requireVariables = (
  { root, file }: ResolvedProfile,
  set: readonly string[],
  files: readonly SourceText[],
): void => {
  const known = new Set([...declaredVariables(root), ...files.flatMap(({ text }) => mentionedIn(text))]);
  const unknown = set.map((text) => text.slice(0, text.indexOf('='))).find((name) => !known.has(name));
  if (unknown === undefined) return;
  const guess = nearest(unknown, [...known]);
  throw new Fail('BadUsage', `--set names ${unknown}, which is no variable of ${file}`, {
    hint: guess === undefined ? `it has ${[...known].join(', ') || 'none'}` : `did you mean ${guess}?`,
  });
};

/** Reads the files of a profile and resolves its hosts; problems are told by `profileOf`. */
export const resolveProfile = async (
  file: string,
  { overlays, set }: ProfileAdditions = nothing,
): Promise<ResolvedProfile> => {
  const roots = [named(file, 'profile'), ...overlays.map((overlay) => named(overlay, 'overlay'))];
  const { sources } = gatherSources(roots, readText);
  const files = sources.map(({ file: path, text, role }): SourceText => ({ file: path, text, role }));
  const known: ProfileSources = { files, set, external: new Map() };
  const first = resolveSources(known);
  requireVariables(first, set, files);
  const { external, problems } = await readExternal(first.root);
  const resolved = external.size === 0 ? first : resolveSources({ ...known, external });
  return { ...resolved, problems: [...problems, ...resolved.problems] };
};

/**
 * Reads a profile with everything that it includes, and fills in every default.
 * @throws Fail `BadProfile` with every problem at once: see `problemsOf`.
 */
export const loadProfile = async (file: string, additions?: ProfileAdditions): Promise<Profile> =>
  profileOf(await resolveProfile(file, additions));
