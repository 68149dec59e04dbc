import { counted } from '../../../core/text.ts';
import { profileFile } from '../../../profile/parse-profile.ts';
import { problemsIn } from '../document.ts';
import { note, type PageRow } from '../rows.ts';
import { changedFiles, type Ending, hostsIn, meetingOf, type WizardState } from '../state.ts';

/** Answers that were typed and cannot stand in the profile. */
const unfinished = ({ drafts }: WizardState): PageRow[] =>
  [...drafts].flatMap(([id, { text, problem }]) =>
    problem === undefined ? [] : [note(`✗ ${id}: "${text}" is not in the profile: ${problem}`, 'bad')],
  );

const problems = ({ sources }: WizardState): PageRow[] =>
  problemsIn(sources).map(({ line, message }) => note(`✗ line ${line}: ${message}`, 'bad'));

/** What may go wrong, and does not forbid anything. */
const warnings = (state: WizardState): PageRow[] => {
  const meetings = hostsIn(state.sources).map((host) => meetingOf(state, host)?.state);
  const missed = meetings.filter((meeting) => meeting === 'missed').length;
  const unmet = meetings.filter((meeting) => meeting === undefined).length;
  return [
    ...(missed > 0
      ? [note(`! ${counted(missed, 'host')} did not answer; plan will say the same.`, 'warn')]
      : []),
    ...(unmet > 0 ? [note(`! ${counted(unmet, 'host')} not tried yet.`, 'warn')] : []),
  ];
};

const end = (state: WizardState, ending: Ending): WizardState => ({ ...state, ending });

export const reviewRows = (state: WizardState): PageRow[] => {
  const file = profileFile(state.sources.files);
  const changed = changedFiles(state);
  const wrong = problems(state);
  const others = changed.filter((one) => one.file !== file).map((one) => one.file);
  if (wrong.length > 0)
    return [
      ...wrong,
      ...unfinished(state),
      note(
        hostsIn(state.sources).length === 0
          ? 'Go back to the first page (Esc) and add a host.'
          : 'Go back (Esc) and put this right.',
        'warn',
      ),
      leaveRow(state),
    ];
  const written = changed.length === 0 ? `Keep ${file}` : `Write ${file}`;
  const writing = changed.length === 0 ? 'Nothing was changed.' : 'The file is written whole or not at all.';
  return [
    ...unfinished(state),
    ...warnings(state),
    note(
      `The profile has ${counted(hostsIn(state.sources).length, 'host')}. PageUp and PageDown scroll it.`,
      'dim',
    ),
    ...(others.length > 0 ? [note(`Also written: ${others.join(', ')}`, 'dim')] : []),
    {
      kind: 'action',
      id: 'plan',
      label: `${written}, and plan`,
      file,
      explain: `${writing} Then the hosts are asked how they are, what would change is shown, and you are asked before
anything does.`,
      press: () => end(state, 'plan'),
    },
    {
      kind: 'action',
      id: 'write',
      label: `${written}, and end`,
      file,
      explain: `${writing} No host is touched.`,
      press: () => end(state, 'write'),
    },
    leaveRow(state),
  ];
};

const leaveRow = (state: WizardState): PageRow => ({
  kind: 'action',
  id: 'leave',
  label: 'Leave without writing',
  explain: 'Everything stays as it was. Ctrl-C does the same on every page.',
  press: () => end(state, 'left'),
});
