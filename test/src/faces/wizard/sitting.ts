import { blankProfile } from '../../../../src/faces/wizard/blank-profile.ts';
import { ownText } from '../../../../src/faces/wizard/document.ts';
import type { Met, Reply, Trouble } from '../../../../src/faces/wizard/errands.ts';
import { type Size, withinReach } from '../../../../src/faces/wizard/frame.ts';
import type { KeyName } from '../../../../src/faces/wizard/keys.ts';
import { focused, rowsOf } from '../../../../src/faces/wizard/pages.ts';
import { reduce, type WizardEvent } from '../../../../src/faces/wizard/reduce.ts';
import { isRow, type Row } from '../../../../src/faces/wizard/rows.ts';
import { type StepName, type WizardState, wizardState } from '../../../../src/faces/wizard/state.ts';
import type { ProfileSources } from '../../../../src/profile/profile.ts';
import { factsOf, type ShortFacts } from '../../resources/facts.ts';

/*
 * Somebody who sits before the wizard, without a terminal: what they do becomes events, and the world answers what a test
 * says that it answers.
 */

export const fresh = (): WizardState => wizardState(blankProfile('berth.yaml'), true);

export const editing = (text: string, more: ProfileSources['files'] = []): WizardState =>
  wizardState(
    { files: [...more, { file: 'berth.yaml', text, role: 'profile' }], set: [], external: new Map() },
    false,
  );

export const typed = (state: WizardState, text: string): WizardState =>
  [...text].reduce((before, character) => reduce(before, { kind: 'typed', text: character }), state);

export const pasted = (state: WizardState, text: string): WizardState =>
  reduce(state, { kind: 'pasted', text });

export const pressed = (state: WizardState, ...keys: readonly KeyName[]): WizardState =>
  keys.reduce((before, key) => reduce(before, { kind: 'key', key }), state);

/** What comes of events on a terminal of that size, where not all of a page may be seen. */
const seenAt = (size: Size, state: WizardState, events: readonly WizardEvent[]): WizardState =>
  events.reduce((before, event) => withinReach(reduce(before, event, size), size), state);

export const typedAt = (size: Size, state: WizardState, text: string): WizardState =>
  seenAt(size, state, [{ kind: 'typed', text }]);

export const pressedAt = (size: Size, state: WizardState, ...keys: readonly KeyName[]): WizardState =>
  seenAt(
    size,
    state,
    keys.map((key) => ({ kind: 'key', key })),
  );

export const told = (state: WizardState, reply: Reply): WizardState =>
  reduce(state, { kind: 'reply', reply });

export const rows = (state: WizardState): readonly Row[] => rowsOf(state).filter(isRow);

/** What there is to read on the page, besides rows. */
export const notes = (state: WizardState): string[] =>
  rowsOf(state).flatMap((row) => (isRow(row) ? [] : [row.text]));

/** Moves to the first row whose label begins so. */
export const at = (state: WizardState, label: string): WizardState => {
  const list = rows(state);
  const wanted = list.findIndex((row) => row.label.startsWith(label));
  if (wanted < 0) throw new Error(`no row ${label} among: ${list.map((row) => row.label).join(' | ')}`);
  const now = list.findIndex((row) => row.id === focused(state)?.id);
  const key: KeyName = wanted > now ? 'down' : 'up';
  return pressed(state, ...Array.from({ length: Math.abs(wanted - now) }, () => key));
};

export const rowAt = (state: WizardState): Row => {
  const row = focused(state);
  if (row === undefined) throw new Error('no row is in focus');
  return row;
};

/** On with Ctrl-N until the step is there. */
export const onTo = (state: WizardState, step: StepName): WizardState => {
  let now = state;
  for (let left = 10; now.step !== step; left -= 1) {
    if (left === 0) throw new Error(`${step} is not reached: ${now.step}, ${now.notice?.text}`);
    now = pressed(now, 'next');
  }
  return now;
};

export const text = (state: WizardState): string => ownText(state.sources);

export const withHosts = (state: WizardState, ...hosts: readonly string[]): WizardState =>
  hosts.reduce((before, host) => pressed(typed(at(before, 'Add'), host), 'enter'), state);

export const metAs = (short: ShortFacts = {}, kubelet?: string): Met => ({
  facts: factsOf(short),
  milliseconds: 240,
  ...(kubelet === undefined ? {} : { kubelet }),
});

/** Answers for each host that this state wants to meet. */
export const allMet = (state: WizardState, met: Met = metAs()): WizardState =>
  state.wishes
    .flatMap((wish) => (wish.kind === 'meet' ? wish.hosts : []))
    .reduce((before, { key }) => told(before, { kind: 'met', key, met }), state);

export const refused: Trouble = {
  code: 'Unreachable',
  message: 'node-1: 192.0.2.10:22 cannot be reached: the connection is refused',
  remedy: 'Check that the host is up, and the route and firewalls between.',
};

export const unknownKey: Trouble = {
  code: 'HostKeyUnknown',
  message: 'node-1: the host key of 192.0.2.10 is not known: ssh-ed25519 SHA256:l0ngF1ngerpr1nt',
  remedy: 'Compare the fingerprint',
  hostKey: {
    fingerprint: 'SHA256:l0ngF1ngerpr1nt',
    line: '192.0.2.10 ssh-ed25519 AAAA',
    file: '/home/ops/.ssh/known_hosts',
  },
};
