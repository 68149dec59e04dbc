import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { adoptionOf } from '../node/adopt.ts';
import { setInProfile, withEdit } from '../profile/edit-profile.ts';
import { profileOf, resolveSources } from '../profile/parse-profile.ts';
import type { ProfileSources } from '../profile/profile.ts';
import { unifiedDiff } from '../resources/diff.ts';
import type { Drift } from '../resources/drift.ts';
import type { FlowContext } from './context.ts';
import type { Drifted } from './drift.ts';

export interface Adopted {
  /** Files of the profile with their new texts. */
  readonly edits: readonly { readonly file: string; readonly text: string; readonly diff: string }[];
  readonly refused: readonly { readonly host: string; readonly why: string }[];
  /** Differences that were adopted and stay all the same, such as a comment that somebody wrote. */
  readonly left: readonly { readonly host: string; readonly summary: string }[];
}

/**
 * Makes the profile say what hosts have, where somebody changed them. Writes nothing: the edits are the caller's. With
 * `path`, only the difference of this file, or of this identifier of a change.
 * @throws Fail `BadUsage` when there is no such difference, `BadProfile` when the values make no valid profile
 */
export function adoptDrift(
  { profile }: Pick<FlowContext, 'profile'>,
  drifted: ReadonlyMap<string, Drifted>,
  path: string | undefined,
): Adopted {
  const chosen = new Map([...drifted].map(([host, { drifts }]) => [host, choose(drifts, path)]));
  if (path !== undefined && [...chosen.values()].every((drifts) => drifts.length === 0))
    throw noSuchDrift(path, drifted);
  const refused: { host: string; why: string }[] = [];
  let sources: ProfileSources = profile.sources;
  for (const [host, drifts] of chosen) {
    const found = drifted.get(host);
    const spec = profile.hosts.find(({ name }) => name === host)?.spec;
    if (found === undefined || spec === undefined) continue;
    for (const { id } of drifts) {
      const adoptable = adoptionOf(id, found.facts, spec);
      refused.push(...adoptable.refused.map((why) => ({ host, why })));
      for (const { path: key, value } of adoptable.adoptions) {
        const set = edited(sources, host, key, value);
        if (typeof set === 'string') refused.push({ host, why: set });
        else sources = set;
      }
    }
  }
  return { edits: editsOf(profile.sources, sources), refused, left: leftWith(sources, chosen, drifted) };
}

/** What is on the host by nobody's hand there is nothing to adopt of. */
const choose = (drifts: readonly Drift[], path: string | undefined): Drift[] =>
  drifts.filter(
    ({ id, kind }) =>
      (kind === 'host' || kind === 'conflict') &&
      (path === undefined || id === path || id === `file:${path}`),
  );

/** The sources with the value, or why it cannot be set. */
function edited(
  sources: ProfileSources,
  host: string,
  path: readonly (string | number)[],
  value: unknown,
): ProfileSources | string {
  try {
    return withEdit(sources, setInProfile(sources, host, path, value));
  } catch (error) {
    if (error instanceof Fail && error.code === 'BadUsage')
      return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
    throw error;
  }
}

const editsOf = (before: ProfileSources, after: ProfileSources): Adopted['edits'] =>
  after.files.flatMap(({ file, text }) => {
    const old = before.files.find((one) => one.file === file)?.text;
    return old === undefined || old === text ? [] : [{ file, text, diff: unifiedDiff(file, old, text) }];
  });

function leftWith(
  sources: ProfileSources,
  chosen: ReadonlyMap<string, readonly Drift[]>,
  drifted: ReadonlyMap<string, Drifted>,
): Adopted['left'] {
  const { hosts } = profileOf(resolveSources(sources));
  return hosts.flatMap(({ name: host, spec }) => {
    const ids = new Set((chosen.get(host) ?? []).map(({ id }) => id));
    const changes = ids.size === 0 ? [] : (drifted.get(host)?.replan(spec).changes ?? []);
    return changes.filter(({ id }) => ids.has(id)).map(({ summary }) => ({ host, summary }));
  });
}

function noSuchDrift(path: string, drifted: ReadonlyMap<string, Drifted>): Fail {
  const ids = [...drifted.values()].flatMap(({ drifts }) => choose(drifts, undefined)).map(({ id }) => id);
  const paths = [...new Set(ids.map((id) => id.replace(/^file:/, '')))];
  const guess = nearest(path, paths);
  return new Fail('BadUsage', `nobody changed ${path} on these hosts since the last apply`, {
    hint: guess === undefined ? `changed: ${paths.join(', ') || 'nothing'}` : `did you mean ${guess}?`,
  });
}
