import { type ChoiceRow, type SwitchRow, withoutDraft } from './rows.ts';
import type { WizardState } from './state.ts';

/** Takes the neighbour of the chosen option, round and round. */
export const choosing = (state: WizardState, row: ChoiceRow, by: 1 | -1): WizardState => {
  const { options, chosen } = row;
  const at = options.indexOf(chosen);
  const next = options[(at + by + options.length) % options.length] ?? chosen;
  return taken(state, row, { from: chosen, to: next, take: () => row.choose(next) });
};

export const flipping = (state: WizardState, row: SwitchRow): WizardState => {
  const [from, to] = row.on ? ['on', 'off'] : ['off', 'on'];
  return taken(state, row, { from, to, take: () => row.flip() });
};

/**
 * An option that is taken away takes what belongs to it out of the profile, with its comments; whoever comes back to it gets
 * all of that again, as long as nothing else was changed meanwhile.
 */
const taken = (
  state: WizardState,
  { id, path }: ChoiceRow | SwitchRow,
  { from, to, take }: { readonly from: string; readonly to: string; readonly take: () => WizardState },
): WizardState => {
  if (path === undefined) return take();
  const warm = state.trail?.row === id && state.trail.now === state.sources ? state.trail.by : undefined;
  const before = warm?.get(to);
  const next = before === undefined ? take() : { ...withoutDraft(state, id), sources: before };
  const by = new Map(warm);
  // What cannot stand has changed nothing.
  if (!state.drafts.has(id)) by.set(from, state.sources);
  if (!next.drafts.has(id)) by.set(to, next.sources);
  return { ...next, trail: { row: id, now: next.sources, by } };
};
