import type { Path } from '../../../profile/tree.ts';
import { removeHost } from '../add-hosts.ts';
import { type Edit, valueAt } from '../document.ts';
import { answered, type ChoiceRow, note, type PageRow, textRow } from '../rows.ts';
import { hostsIn, type WizardState } from '../state.ts';
import { wayOf } from './hosts.ts';

const none = 'none';
const ask = 'ask';

/** Whether berth asks for a secret, or none is needed; a source that the file names otherwise is left to the file. */
const secretRow = (
  state: WizardState,
  { label, path, explain }: { label: string; path: Path; explain: string },
): PageRow => {
  const now = valueAt(state.sources, path);
  const isAsked = typeof now === 'object' && now !== null && 'prompt' in now;
  if (now !== undefined && !isAsked) return note(`${label}: as the file says`, 'dim');
  const id = path.join('.');
  const choose = (option: string): WizardState => {
    const edit: Edit =
      option === ask ? { kind: 'set', path, value: { prompt: true } } : { kind: 'remove', path };
    return answered(state, id, option, [edit]);
  };
  const row: ChoiceRow = {
    kind: 'choice',
    id,
    label,
    path,
    explain,
    problem: state.drafts.get(id)?.problem,
    options: [none, ask],
    chosen: isAsked ? ask : none,
    choose,
  };
  return row;
};

const sshRows = (state: WizardState, index: number): PageRow[] => {
  const at = (key: string): Path => ['hosts', index, 'ssh', key];
  const jump = valueAt(state.sources, at('jump'));
  const isPlain = jump === undefined || (Array.isArray(jump) && jump.every((hop) => typeof hop === 'string'));
  return [
    textRow(state, { label: 'Address', path: at('host') }),
    textRow(state, { label: 'User', path: at('user'), empty: 'as ssh_config says, else yours' }),
    textRow(state, { label: 'Port', path: at('port'), as: 'number', empty: 'as ssh_config says, else 22' }),
    textRow(state, {
      label: 'Keys',
      path: at('identityFiles'),
      as: 'list',
      empty: 'the agent, then the usual files',
    }),
    ...(isPlain
      ? [
          textRow(state, {
            label: 'Jump hosts',
            path: at('jump'),
            as: 'list',
            empty: "ssh_config's ProxyJump",
          }),
        ]
      : [note('Jump hosts: as the file says', 'dim')]),
    textRow(state, {
      label: 'known_hosts',
      path: at('knownHostsFiles'),
      as: 'list',
      empty: '~/.ssh/known_hosts',
    }),
    secretRow(state, {
      label: 'Password',
      path: at('password'),
      explain: `none: a key logs in, which is the safer way. ask: berth asks at each run, without echo; then it
cannot run in a pipeline. { env: NAME } and other sources can be written into the file.`,
    }),
  ];
};

/** One host, opened. */
export const hostRows = (state: WizardState, index: number): PageRow[] => {
  const host = hostsIn(state.sources).find((one) => one.index === index);
  if (host === undefined) return [note('This host is gone.', 'dim')];
  return [
    textRow(state, { label: 'Name', path: ['hosts', index, 'name'] }),
    ...('ssh' in host.form ? sshRows(state, index) : [note(`Reached as: ${wayOf(host)}`, 'dim')]),
    secretRow(state, {
      label: 'sudo password',
      path: ['hosts', index, 'sudoPassword'],
      explain: `none: the user is root, or may use sudo without a password. ask: berth asks at each run.
Where it can be neither, berth cannot become root, and says so before anything is changed.`,
    }),
    {
      kind: 'action',
      id: `remove:${index}`,
      label: 'Take this host out',
      explain: 'The host is no longer in the profile. Nothing happens on the host itself.',
      press: () => removeHost(state, index),
    },
    {
      kind: 'action',
      id: 'close',
      label: 'Done',
      explain: 'Back to the list of hosts.',
      press: () => ({ ...state, sheet: undefined }),
    },
  ];
};
