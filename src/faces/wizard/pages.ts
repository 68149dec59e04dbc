import type { Path } from '../../profile/tree.ts';
import { ownValues } from './own-values.ts';
import { type ActionRow, answerOf, isRow, type PageRow, type Row, type TextRow } from './rows.ts';
import { pageOf, type StepName, settle, stepNames, unscrolled, type WizardState } from './state.ts';
import { candidateRows } from './steps/candidates.ts';
import { connectionRows, meetNewHosts } from './steps/connections.ts';
import { hostRows } from './steps/host.ts';
import { hostsRows } from './steps/hosts.ts';
import { kubernetesRows } from './steps/kubernetes.ts';
import { networkRows } from './steps/network.ts';
import { registriesRows } from './steps/registries.ts';
import { askForReleases } from './steps/releases.ts';
import { reviewRows } from './steps/review.ts';
import { runtimeRows } from './steps/runtime.ts';

interface Step {
  readonly title: string;
  /** What the step writes: seen beside it where the row in focus stands nowhere. */
  readonly section: Path;
  /** `onward` leads to the next step. */
  readonly rows: (state: WizardState, onward: ActionRow) => PageRow[];
  /** What begins when the step is entered. */
  readonly enter?: (state: WizardState) => WizardState;
}

const followed =
  (rows: (state: WizardState) => PageRow[]): Step['rows'] =>
  (state, onward) => [...rows(state), onward];

const steps: Readonly<Record<StepName, Step>> = {
  hosts: { title: 'Where are the hosts?', section: ['hosts'], rows: followed(hostsRows) },
  connections: { title: 'Do they answer?', section: ['hosts'], rows: connectionRows, enter: meetNewHosts },
  runtime: {
    title: 'What runs on them?',
    section: ['spec', 'engine'],
    rows: followed(runtimeRows),
    enter: askForReleases,
  },
  network: { title: 'Which network do pods get?', section: ['spec', 'cni'], rows: followed(networkRows) },
  registries: {
    title: 'Where do images come from?',
    section: ['spec', 'registries'],
    rows: followed(registriesRows),
  },
  kubernetes: {
    title: 'Kubernetes, or not?',
    section: ['spec', 'kubernetes'],
    rows: followed(kubernetesRows),
  },
  review: { title: 'Is this right?', section: [], rows: reviewRows },
};

export const titleOf = ({ step, sheet }: WizardState): string => {
  if (sheet === undefined) return steps[step].title;
  return sheet.kind === 'host' ? 'One host' : 'Import';
};

export const sectionOf = ({ step }: WizardState): Path => steps[step].section;

/** One state is asked for its rows by the reducer, by the form and by what lies beside it. */
const known = new WeakMap<WizardState, readonly PageRow[]>();

/** Everything on the page that is seen, from top to bottom. */
export const rowsOf = (state: WizardState): readonly PageRow[] => {
  const rows = known.get(state) ?? pageRows(state);
  known.set(state, rows);
  return rows;
};

const pageRows = (state: WizardState): readonly PageRow[] => {
  const { sheet, step } = state;
  if (sheet?.kind === 'host') return hostRows(state, sheet.index);
  if (sheet?.kind === 'candidates') return candidateRows(state, sheet);
  const rows = steps[step].rows(state, continueRow(state));
  return step === 'review' ? rows : [...ownValues(state, rows), ...rows];
};

const continueRow = (state: WizardState): ActionRow => ({
  kind: 'action',
  id: 'continue',
  label: 'Continue',
  explain: 'On to the next step. Ctrl-N does the same from every row, and Esc goes back; nothing is lost.',
  press: () => move(state, 1),
});

/** The row in focus. */
export const focused = (state: WizardState): Row | undefined => {
  const rows = rowsOf(state).filter(isRow);
  const id = state.focus.get(pageOf(state));
  return rows.find((row) => row.id === id) ?? firstOf(state, rows);
};

/** Of the hosts, the one that comes next is in hand first. */
const firstOf = (state: WizardState, rows: readonly Row[]): Row | undefined =>
  (pageOf(state) === 'hosts' ? rows.find(({ id }) => id === 'add') : undefined) ?? rows[0];

export const withFocus = (state: WizardState, id: string): WizardState => ({
  ...state,
  focus: new Map(state.focus).set(pageOf(state), id),
  cursor: undefined,
  scrolled: unscrolled,
});

/** A sheet was closed: the step below begins again what it begins, such as to meet a host that was changed. */
export const comeBack = (state: WizardState): WizardState => steps[state.step].enter?.(state) ?? state;

/** Why the step cannot be left yet: an answer on it that cannot stand. */
const unfinishedRow = (state: WizardState): Row | undefined =>
  rowsOf(state)
    .filter(isRow)
    .find(({ problem }) => problem !== undefined);

const waitingRow = (state: WizardState): TextRow | undefined =>
  rowsOf(state)
    .filter((row) => row.kind === 'text')
    .find(({ waits }) => waits === true);

/** On or back by one step. */
export const move = (state: WizardState, by: 1 | -1): WizardState =>
  by > 0 ? goOn(state) : stepBy(state, by);

/** A step with an answer that cannot stand is not left forwards; one that waits for Enter is taken first, as by Enter. */
const goOn = (state: WizardState): WizardState => {
  const open = unfinishedRow(state);
  if (open !== undefined)
    return { ...withFocus(state, open.id), notice: { level: 'bad', text: `${open.label}: ${open.problem}` } };
  const waiting = waitingRow(state);
  if (waiting?.enter === undefined) return stepBy(state, 1);
  const taken = settle(waiting.enter());
  // A text that stays was refused, or something else comes of it than an answer.
  return answerOf(taken, waiting.id) === '' ? goOn(taken) : withFocus(taken, waiting.id);
};

const stepBy = (state: WizardState, by: 1 | -1): WizardState => {
  const name = stepNames[stepNames.indexOf(state.step) + by];
  if (name === undefined) return state;
  const there: WizardState = {
    ...state,
    step: name,
    sheet: undefined,
    cursor: undefined,
    scrolled: unscrolled,
  };
  return steps[name].enter?.(there) ?? there;
};
