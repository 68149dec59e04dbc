import { counted } from '../../../core/text.ts';
import { addHosts } from '../add-hosts.ts';
import { note, type PageRow, type SwitchRow } from '../rows.ts';
import type { Sheet, WizardState } from '../state.ts';

type Candidates = Extract<Sheet, { kind: 'candidates' }>;

const titles = { ssh_config: 'ssh_config', ansible: 'Ansible', vagrant: 'Vagrant', gce: 'GCE' } as const;

const withChosen = (state: WizardState, sheet: Candidates, chosen: ReadonlySet<number>): WizardState => ({
  ...state,
  sheet: { ...sheet, chosen },
});

const candidateRow = (state: WizardState, sheet: Candidates, index: number): SwitchRow => {
  const { name = '', about = '' } = sheet.found[index] ?? {};
  const on = sheet.chosen.has(index);
  return {
    kind: 'switch',
    id: `candidate:${index}`,
    label: about === name ? name : `${name}  ${about}`,
    explain: 'Space chooses it, or not.',
    on,
    flip: () => {
      const chosen = new Set(sheet.chosen);
      if (on) chosen.delete(index);
      else chosen.add(index);
      return withChosen(state, sheet, chosen);
    },
  };
};

const take = (state: WizardState, sheet: Candidates): WizardState => {
  const chosen = sheet.found.filter((_candidate, index) => sheet.chosen.has(index));
  const added = addHosts(state, chosen);
  if ('problem' in added) return { ...state, notice: { level: 'bad', text: added.problem } };
  return { ...added, sheet: undefined };
};

/** Hosts that another tool knows, to choose from. */
export const candidateRows = (state: WizardState, sheet: Candidates): PageRow[] => {
  const { found, chosen, remarks } = sheet;
  const all = found.map((_candidate, index) => index);
  return [
    note(`${titles[sheet.origin.kind]} knows ${counted(found.length, 'host')}. Which become nodes?`, 'dim'),
    ...remarks.map((remark) => note(`! ${remark}`, 'warn')),
    ...(remarks.length > 0
      ? [
          note(
            '  → Open a host once it is added, and type what lacks; one that was left out can be typed as well.',
            'warn',
          ),
        ]
      : []),
    {
      kind: 'action',
      id: 'take',
      label: `Add ${counted(chosen.size, 'host')}`,
      explain: 'They are added to those of the profile. A name that is taken gets a number.',
      press: () => take(state, sheet),
    },
    {
      kind: 'action',
      id: 'all',
      label: chosen.size === found.length ? 'Choose none' : 'Choose all',
      explain: 'Chooses all of them, or none.',
      press: () => withChosen(state, sheet, new Set(chosen.size === found.length ? [] : all)),
    },
    ...all.map((index) => candidateRow(state, sheet, index)),
    {
      kind: 'action',
      id: 'close',
      label: 'Back to the hosts',
      explain: 'Back to the list of hosts, to which none of these is added.',
      press: () => ({ ...state, sheet: undefined }),
    },
  ];
};
