import { counted, withPort } from '../../../core/text.ts';
import type { Origin } from '../../../inventory/candidates/find.ts';
import { addHosts, removeHost } from '../add-hosts.ts';
import { knows, misfitOfHost } from '../document.ts';
import { type ActionRow, answerRow, asTaken, note, type PageRow, withAnswer } from '../rows.ts';
import { hostsIn, type WizardState, type WrittenHost } from '../state.ts';
import { typedHosts } from '../typed-hosts.ts';

const typing = `A host is an address that ssh understands: user@host:port, where user and port may be left out,
or an alias of your ssh_config. NAME=user@host gives it a name of its own.
Paste many at once: one a line, or with commas between them. Enter adds them.`;

/** How a host is reached, in a few words. */
export const wayOf = ({ form }: WrittenHost): string => {
  const ssh = form['ssh'];
  if (typeof ssh === 'object' && ssh !== null) {
    const { host, user, port } = ssh as Readonly<Record<string, unknown>>;
    if (host === undefined || host === null) return 'no address yet';
    const address = port === undefined ? String(host) : withPort(String(host), String(port));
    return `${user === undefined ? '' : `${user}@`}${address}`;
  }
  if ('local' in form) return 'this machine';
  const kind = ['embedded', 'vagrant', 'gce'].find((key) => key in form);
  const way = kind === undefined ? undefined : form[kind];
  if (kind === undefined || typeof way !== 'object' || way === null) return kind ?? 'no way to it yet';
  const { machine, instance, name } = way as Readonly<Record<string, unknown>>;
  return [kind, machine ?? instance ?? name].filter((part) => part !== undefined).join(' ');
};

const hostRow = (state: WizardState, host: WrittenHost): ActionRow => ({
  kind: 'action',
  id: `host:${host.index}`,
  label: `${host.name}  ${wayOf(host)}`,
  path: ['hosts', host.index],
  explain: 'Enter opens the host: its name, user, port, keys and the password for sudo. Delete takes it out.',
  press: () => ({ ...state, sheet: { kind: 'host', index: host.index } }),
  remove: () => removeHost(state, host.index),
});

const addTyped = (state: WizardState, text: string): WizardState => {
  // Enter with nothing typed: there are no more.
  if (text.trim() === '') return { ...state, focus: new Map(state.focus).set('hosts', 'continue') };
  const typed = typedHosts(text, namesOf(state));
  if ('problem' in typed || typed.hosts.length === 0) return state;
  const added = addHosts(state, typed.hosts);
  if ('problem' in added) return { ...state, notice: { level: 'bad', text: added.problem } };
  return withAnswer(added, 'add', '');
};

const namesOf = (state: WizardState): string[] => hostsIn(state.sources).map(({ name }) => name);

/** What is wrong with typed hosts, the schema's own words included. */
const problemOfTyped = (state: WizardState, text: string): string | undefined => {
  const typed = typedHosts(text, namesOf(state));
  if ('problem' in typed) return typed.problem;
  if (typed.hosts.length === 0) return 'names no host';
  return typed.hosts.map(({ name, way }) => misfitOfHost({ name, ...way })).find((why) => why !== undefined);
};

const find = (state: WizardState, origin: Origin, what: string): WizardState => ({
  ...asTaken(state, `import:${origin.kind}`),
  busy: `asking ${what}`,
  wishes: [{ kind: 'find', origin }],
});

const importRows = (state: WizardState): PageRow[] => [
  {
    kind: 'action',
    id: 'import:ssh_config',
    label: 'From ssh_config',
    explain: `Lists the names of your ~/.ssh/config and of /etc/ssh/ssh_config. A host that is imported so
stays an alias: what ssh_config says of it, jump hosts included, is asked for at each run.`,
    press: () => find(state, { kind: 'ssh_config', place: '' }, 'ssh_config'),
  },
  answerRow(state, {
    id: 'import:ansible',
    label: 'From Ansible',
    empty: 'inventory file, Enter',
    explain: `Reads an inventory of Ansible with the group_vars and host_vars beside it: addresses, users, ports, keys,
jump hosts and groups. No password is taken over; what is vaulted or a template is named, and left to you.`,
    enter: (place) => find(state, { kind: 'ansible', place: place.trim() }, 'the inventory'),
  }),
  answerRow(state, {
    id: 'import:vagrant',
    label: 'From Vagrant',
    empty: 'folder, Enter',
    explain: `Asks vagrant ssh-config for the machines of a folder; without a folder, of this one.
They must be up: vagrant tells nothing of others.`,
    enter: (place) => find(state, { kind: 'vagrant', place: place.trim() || '.' }, 'vagrant'),
  }),
  answerRow(state, {
    id: 'import:gce',
    label: 'From GCE',
    empty: 'project, Enter',
    explain: `Asks gcloud for the running instances of a project of Google Compute Engine.
Without a project, of the one that gcloud is set to.
gcloud must be installed and logged in; nothing is changed there.`,
    enter: (place) => find(state, { kind: 'gce', place: place.trim() }, 'gcloud'),
  }),
];

const thisMachine = (state: WizardState): PageRow[] =>
  hostsIn(state.sources).some(({ form }) => 'local' in form)
    ? []
    : [
        {
          kind: 'action',
          id: 'local',
          label: 'Add this machine',
          explain: `The machine that you sit at becomes a node itself, without SSH. Everything that berth would do on
a server it does here; berth rollback takes it back.`,
          press: () => {
            const host = { name: 'this-machine', way: { local: {} }, groups: [], about: '' };
            const added = addHosts(state, [host]);
            return 'problem' in added ? { ...state, notice: { level: 'bad', text: added.problem } } : added;
          },
        },
      ];

export const hostsRows = (state: WizardState): PageRow[] => {
  const hosts = hostsIn(state.sources);
  return [
    note(
      hosts.length === 0 ? 'No hosts yet: add one, or import some.' : counted(hosts.length, 'host'),
      'dim',
    ),
    ...hosts.map((host) => hostRow(state, host)),
    answerRow(state, {
      id: 'add',
      label: 'Add',
      path: ['hosts'],
      empty: 'user@host:port, Enter',
      explain: typing,
      problemIn: (text) => problemOfTyped(state, text),
      enter: (text) => addTyped(state, text),
    }),
    ...importRows(state),
    ...(knows(['hosts', 0, 'local']) ? thisMachine(state) : []),
  ];
};
