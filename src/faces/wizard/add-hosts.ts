import { counted, listed } from '../../core/text.ts';
import type { Candidate } from '../../inventory/candidates/candidate.ts';
import { isMapping as isForm } from '../../profile/as-written.ts';
import type { ProfileSources } from '../../profile/profile.ts';
import { childOf, isList, isMapping } from '../../profile/tree.ts';
import { ownNetworks, planesIn } from './cluster.ts';
import { type Edit, rootOf, type Tried, tryEdits } from './document.ts';
import { hostsIn, type WizardState } from './state.ts';
import { freeName } from './typed-hosts.ts';

/**
 * Adds hosts to the profile under names that are free, and the groups that they are in; to a cluster, with pod ranges. Says
 * how many there are, and what is odd about them.
 */
export const addHosts = (
  state: WizardState,
  candidates: readonly Candidate[],
): WizardState | { readonly problem: string } => {
  const groups = new Set(candidates.flatMap((candidate) => candidate.groups));
  const named = withFreeNames(state, candidates, groups);
  const networks = planesIn(state.sources).length === 0 ? [] : ownNetworks(state.sources, candidates.length);
  const forms = named.map(({ name, candidate }, index) => {
    const own = networks[index];
    return {
      name,
      ...candidate.way,
      ...(candidate.groups.length === 0 ? {} : { groups: candidate.groups }),
      ...(own === undefined ? {} : { spec: { cni: { networks: own } } }),
    };
  });
  const edits = [...hostEdits(state, forms), ...groupEdits(state, groups)];
  const tried = tryEdits(state.sources, edits);
  if ('problem' in tried) return tried;
  const remarks = [...numbered(named), ...sameAddresses(tried.sources, named)];
  const text = [`${counted(named.length, 'host')} added`, ...remarks].join('; ');
  return { ...state, sources: tried.sources, notice: { level: 'good', text } };
};

interface Named {
  readonly name: string;
  readonly candidate: Candidate;
}

/** Groups and hosts have names of one kind. */
const withFreeNames = (
  { sources }: WizardState,
  candidates: readonly Candidate[],
  groups: ReadonlySet<string>,
): readonly Named[] => {
  const taken = new Set([
    ...hostsIn(sources).map(({ name }) => name),
    ...groupsIn(sources).keys(),
    ...groups,
  ]);
  return candidates.map((candidate) => {
    const name = freeName(candidate.name, taken);
    taken.add(name);
    return { name, candidate };
  });
};

const numbered = (named: readonly Named[]): string[] => {
  const changed = named.filter(({ name, candidate }) => name !== candidate.name);
  if (changed.length === 0) return [];
  const pairs = changed.map(({ name, candidate }) => `${candidate.name} → ${name}`);
  return [`names that were taken got numbers: ${listed(pairs)}`];
};

/** Several names of one machine are seldom meant. */
const sameAddresses = (sources: ProfileSources, added: readonly Named[]): string[] => {
  const fresh = new Set(added.map(({ name }) => name));
  const first = new Map<string, string>();
  const pairs = hostsIn(sources).flatMap(({ name, form: { ssh } }) => {
    if (!isForm(ssh)) return [];
    // Behind other jump hosts an address is another machine.
    const place = JSON.stringify([ssh['host'], ssh['port'] ?? 22, ssh['jump']]);
    const other = first.get(place);
    if (other === undefined) first.set(place, name);
    return other === undefined || !fresh.has(name) ? [] : [`${name} has the address and port of ${other}`];
  });
  return pairs.length === 0 ? [] : [listed(pairs)];
};

const hostEdits = (state: WizardState, forms: readonly unknown[]): Edit[] => {
  const list = childOf(rootOf(state.sources), 'hosts');
  return isList(list) && list.value.length > 0
    ? [{ kind: 'append', path: ['hosts'], values: forms }]
    : [{ kind: 'set', path: ['hosts'], value: forms }];
};

const groupEdits = (state: WizardState, names: ReadonlySet<string>): Edit[] => {
  const known = groupsIn(state.sources);
  const fresh = [...names].filter((name) => !known.has(name));
  if (fresh.length > 0 && known.size === 0)
    return [{ kind: 'set', path: ['groups'], value: Object.fromEntries(fresh.map((name) => [name, {}])) }];
  return fresh.map((name) => ({ kind: 'set', path: ['groups', name], value: {} }));
};

const groupsIn = (sources: ProfileSources): ReadonlyMap<string, unknown> => {
  const groups = childOf(rootOf(sources), 'groups');
  return isMapping(groups) ? groups.value : new Map();
};

/** Without a host of the profile, and without what was typed about hosts: it belonged to places that have moved. */
export const removeHost = (state: WizardState, index: number): WizardState => {
  const tried = withoutHost(state, index);
  if ('problem' in tried) return { ...state, notice: { level: 'bad', text: tried.problem } };
  const drafts = new Map([...state.drafts].filter(([id]) => !id.startsWith('hosts.')));
  return { ...state, drafts, sources: tried.sources, sheet: undefined };
};

/** That a profile without hosts is none is told at the end of the step, and not while the hosts are exchanged. */
const withoutHost = ({ sources }: WizardState, index: number): Tried =>
  hostsIn(sources).length === 1
    ? tryEdits(sources, [{ kind: 'set', path: ['hosts'], value: null }], { evenWorse: true })
    : tryEdits(sources, [{ kind: 'remove', path: ['hosts', index] }]);
