import { isDeepStrictEqual } from 'node:util';
import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { type Adoption, adoptionOf } from '../node/adopt.ts';
import { setInProfile, withEdit } from '../profile/edit-profile.ts';
import { pathText } from '../profile/finding.ts';
import { profileOf, resolveSources } from '../profile/parse-profile.ts';
import type { HostEntry, ProfileSources } from '../profile/profile.ts';
import { valueAt } from '../profile/value-at.ts';
import { unifiedDiff } from '../resources/diff.ts';
import type { Drift } from '../resources/drift.ts';
import type { FlowContext } from './context.ts';
import type { Drifted } from './drift.ts';

type Looked = Pick<Drifted, 'drifts' | 'facts' | 'replan'>;

export interface Adopted {
  /** Files of the profile with their new texts. */
  readonly edits: readonly { readonly file: string; readonly text: string; readonly diff: string }[];
  readonly refused: readonly { readonly host: string; readonly why: string }[];
  /** Values that other hosts follow too, of which they were not taken: the next apply changes those as well. */
  readonly shared: readonly { readonly host: string; readonly path: string }[];
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
  drifted: ReadonlyMap<string, Looked>,
  path: string | undefined,
): Adopted {
  const chosen = new Map([...drifted].map(([host, { drifts }]) => [host, choose(drifts, path)]));
  if (path !== undefined && [...chosen.values()].every((drifts) => drifts.length === 0))
    throw noSuchDrift(path, drifted);
  const refused: { host: string; why: string }[] = [];
  const taken: Taken[] = [];
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
        else {
          sources = set;
          taken.push({ host, path: key });
        }
      }
    }
  }
  const after = profileOf(resolveSources(sources)).hosts;
  return {
    edits: editsOf(profile.sources, sources),
    refused,
    shared: sharedWith(profile.hosts, after, taken),
    left: leftWith(after, chosen, drifted),
  };
}

/** A value that the profile has of this host now. */
interface Taken {
  readonly host: string;
  readonly path: Adoption['path'];
}

/** What one host decides by a line that others share is decided for them too. */
function sharedWith(
  before: readonly HostEntry[],
  after: readonly HostEntry[],
  taken: readonly Taken[],
): Adopted['shared'] {
  const paths = new Map(taken.map(({ path }) => [pathText(path), path]));
  return [...paths].flatMap(([text, path]) => {
    const from = taken.filter((one) => pathText(one.path) === text).map(({ host }) => host);
    return after
      .filter(({ name }) => !from.includes(name))
      .filter(({ name, spec }) => {
        const old = before.find((host) => host.name === name)?.spec;
        return !isDeepStrictEqual(valueAt({ spec: old }, path), valueAt({ spec }, path));
      })
      .map(({ name: host }) => ({ host, path: text }));
  });
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
  hosts: readonly HostEntry[],
  chosen: ReadonlyMap<string, readonly Drift[]>,
  drifted: ReadonlyMap<string, Looked>,
): Adopted['left'] {
  return hosts.flatMap(({ name: host, spec }) => {
    const ids = new Set((chosen.get(host) ?? []).map(({ id }) => id));
    const changes = ids.size === 0 ? [] : (drifted.get(host)?.replan(spec).changes ?? []);
    return changes.filter(({ id }) => ids.has(id)).map(({ summary }) => ({ host, summary }));
  });
}

function noSuchDrift(path: string, drifted: ReadonlyMap<string, Looked>): Fail {
  const ids = [...drifted.values()].flatMap(({ drifts }) => choose(drifts, undefined)).map(({ id }) => id);
  const paths = [...new Set(ids.map((id) => id.replace(/^file:/, '')))];
  const guess = nearest(path, paths);
  return new Fail('BadUsage', `nobody changed ${path} on these hosts since the last apply`, {
    hint: guess === undefined ? `changed: ${paths.join(', ') || 'nothing'}` : `did you mean ${guess}?`,
  });
}
