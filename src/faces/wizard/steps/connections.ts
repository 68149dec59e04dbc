import { duration } from '../../../core/text.ts';
import type { Met, Trouble } from '../errands.ts';
import { type ActionRow, type NoteRow, note, type PageRow } from '../rows.ts';
import {
  hostsIn,
  type Meeting,
  meetingKey,
  meetingOf,
  type WizardState,
  type WrittenHost,
} from '../state.ts';

/** Marks hosts as asked, and asks them. */
export const meet = (state: WizardState, hosts: readonly WrittenHost[]): WizardState => {
  if (hosts.length === 0) return state;
  const meetings = new Map(state.meetings);
  const asked = hosts.map((host) => ({ name: host.name, key: meetingKey(state.sources, host) }));
  for (const { key } of asked) meetings.set(key, { state: 'asking' });
  return {
    ...state,
    meetings,
    wishes: [...state.wishes, { kind: 'meet', sources: state.sources, hosts: asked }],
  };
};

/** Hosts of which nothing is known as they stand in the profile now. */
export const meetNewHosts = (state: WizardState): WizardState =>
  meet(
    state,
    hostsIn(state.sources).filter((host) => meetingOf(state, host) === undefined),
  );

const metText = ({ facts, milliseconds, kubelet }: Met): string => {
  const { os, machine, kernel } = facts.system;
  const more = kubelet === undefined ? '' : `, kubelet ${kubelet}`;
  return `${os.prettyName}, ${machine}, Linux ${kernel}${more}, ${duration(milliseconds)}`;
};

const troubleRows = (state: WizardState, host: WrittenHost, trouble: Trouble): PageRow[] => {
  const { message, remedy, hostKey } = trouble;
  const rows: PageRow[] = [note(`✗ ${message}`, 'bad')];
  if (hostKey !== undefined) rows.push(note(`  → ${compare}`, 'warn'), acceptRow(state, host, hostKey));
  else if (remedy !== undefined) rows.push(note(`  → ${remedy}`, 'warn'));
  rows.push(changeRow(state, host));
  return rows;
};

const compare =
  'Compare the fingerprint with the one that the host prints on its own console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';

const acceptRow = (
  state: WizardState,
  host: WrittenHost,
  { fingerprint, line, file }: NonNullable<Trouble['hostKey']>,
): ActionRow => ({
  kind: 'action',
  id: `accept:${host.name}`,
  label: `Accept the key ${fingerprint}`,
  explain: `Compare it with what the host prints on its own console:
  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
Who accepts a wrong one hands root's work to a stranger. It is written to ${file}.`,
  press: () => ({
    ...state,
    busy: 'writing known_hosts',
    wishes: [{ kind: 'accept-key', host: host.name, line, file }],
  }),
});

const changeRow = (state: WizardState, host: WrittenHost): ActionRow => ({
  kind: 'action',
  id: `change:${host.index}`,
  label: `Change ${host.name}`,
  path: ['hosts', host.index],
  explain: 'Opens the host: address, user, port, keys and passwords. It is tried again afterwards.',
  press: () => ({ ...state, sheet: { kind: 'host', index: host.index } }),
});

const rowsOfHost = (state: WizardState, host: WrittenHost, meeting: Meeting | undefined): PageRow[] => {
  switch (meeting?.state) {
    case 'met':
      return [note(`✓ ${host.name}: ${metText(meeting.met)}`, 'good')];
    case 'missed':
      return troubleRows(state, host, meeting.trouble);
    case 'asking':
      return [note(`… ${host.name}: connecting`, 'dim')];
    default:
      return [note(`– ${host.name}: not tried`, 'dim')];
  }
};

const summary = (meetings: readonly (Meeting | undefined)[]): NoteRow => {
  const count = (state: Meeting['state']) => meetings.filter((meeting) => meeting?.state === state).length;
  const asking = count('asking');
  const parts = [
    `${count('met')} of ${meetings.length} answered`,
    ...(count('missed') > 0 ? [`${count('missed')} did not`] : []),
    ...(asking > 0 ? [`${asking} being asked`] : []),
  ];
  return note(`${parts.join(', ')}.`, 'dim');
};

const order = { missed: 0, asking: 1, met: 2 } as const;

/** `onward` leads to the next step: before rows that come and go by themselves, so that nobody's Enter meets another one. */
export const connectionRows = (state: WizardState, onward: ActionRow): PageRow[] => {
  const hosts = hostsIn(state.sources).map((host) => ({ host, meeting: meetingOf(state, host) }));
  const sorted = hosts.toSorted(
    (one, other) =>
      (order[one.meeting?.state ?? 'asking'] ?? 1) - (order[other.meeting?.state ?? 'asking'] ?? 1),
  );
  if (hosts.length === 0)
    return [note('There are no hosts to connect to: go back and add one.', 'warn'), onward];
  return [
    summary(hosts.map(({ meeting }) => meeting)),
    onward,
    {
      kind: 'action',
      id: 'again',
      label: 'Try all of them again',
      explain: `Connects as berth apply would: host key, login and sudo included, and asks each host what it is.
Nothing is changed there. A profile can be written without it: the hosts are then met by berth plan.`,
      press: () =>
        meet(
          state,
          hosts.map(({ host }) => host),
        ),
    },
    ...sorted.flatMap(({ host, meeting }) => rowsOfHost(state, host, meeting)),
  ];
};
