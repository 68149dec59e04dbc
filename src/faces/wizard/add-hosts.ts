import type { Candidate } from '../../inventory/candidates/candidate.ts';
import { childOf, isList, isMapping } from '../../profile/tree.ts';
import { ownNetworks, planesIn } from './cluster.ts';
import { type Edit, rootOf, type Tried, tryEdits } from './document.ts';
import { hostsIn, type WizardState } from './state.ts';
import { freeName } from './typed-hosts.ts';

/** Adds hosts to the profile under names that are free, and the groups that they are in; to a cluster, with pod ranges. */
export const addHosts = (
  state: WizardState,
  candidates: readonly Candidate[],
): WizardState | { readonly problem: string } => {
  const taken = new Set(hostsIn(state.sources).map(({ name }) => name));
  const networks = planesIn(state.sources).length === 0 ? [] : ownNetworks(state.sources, candidates.length);
  const forms = candidates.map(({ name, way, groups }, index) => {
    const free = freeName(name, taken);
    taken.add(free);
    const own = networks[index];
    return {
      name: free,
      ...way,
      ...(groups.length === 0 ? {} : { groups }),
      ...(own === undefined ? {} : { spec: { cni: { networks: own } } }),
    };
  });
  const groups = new Set(candidates.flatMap((candidate) => candidate.groups));
  const edits = [...hostEdits(state, forms), ...groupEdits(state, groups)];
  const tried = tryEdits(state.sources, edits);
  if ('problem' in tried) return tried;
  return { ...state, sources: tried.sources };
};

const hostEdits = (state: WizardState, forms: readonly unknown[]): Edit[] => {
  const list = childOf(rootOf(state.sources), 'hosts');
  return isList(list) && list.value.length > 0
    ? [{ kind: 'append', path: ['hosts'], values: forms }]
    : [{ kind: 'set', path: ['hosts'], value: forms }];
};

const groupEdits = (state: WizardState, names: ReadonlySet<string>): Edit[] => {
  const groups = childOf(rootOf(state.sources), 'groups');
  const known = isMapping(groups) ? groups.value : new Map<string, unknown>();
  const fresh = [...names].filter((name) => !known.has(name));
  if (fresh.length > 0 && known.size === 0)
    return [{ kind: 'set', path: ['groups'], value: Object.fromEntries(fresh.map((name) => [name, {}])) }];
  return fresh.map((name) => ({ kind: 'set', path: ['groups', name], value: {} }));
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
