import { printable } from '../../core/text.ts';
import { ownText } from './document.ts';
import { explanation } from './frame.ts';
import { focused, rowsOf, titleOf } from './pages.ts';
import { isRow, type Row } from './rows.ts';
import { stepNames, type WizardState } from './state.ts';
import { rangeInFocus } from './yaml-pane.ts';

const spokenValue = (row: Row): string => {
  switch (row.kind) {
    case 'text':
      return `text, ${row.text === '' ? `empty${row.empty === '' ? '' : `: ${row.empty}`}` : row.text}`;
    case 'choice':
      return `choice, ${row.chosen}, of ${row.options.join(', ')}`;
    case 'switch':
      return row.on ? 'switch, on' : 'switch, off';
    case 'action':
      return 'button';
  }
};

/** As much of the profile as the row is about. */
const spokenYaml = (state: WizardState): string[] => {
  const range = rangeInFocus(state);
  if (range === undefined) return [];
  const lines = ownText(state.sources)
    .split('\n')
    .slice(range.from, Math.min(range.to, range.from + 3) + 1);
  return [`In the profile, line ${range.from + 1}: ${lines.map((text) => text.trim()).join(', ')}`];
};

/** The page for a screen reader: what a person needs to hear, in the order in which it matters. */
export const spokenLines = (state: WizardState): string[] => {
  const { question, notice, busy } = state;
  if (question !== undefined)
    return [`${question.label}: ${question.text.length} characters typed. Enter answers, Escape does not.`];
  const rows = rowsOf(state);
  const answers = rows.filter(isRow);
  const row = focused(state);
  const at = answers.findIndex(({ id }) => id === row?.id) + 1;
  const told = explanation(state);
  return [
    `Step ${stepNames.indexOf(state.step) + 1} of ${stepNames.length}: ${titleOf(state)}`,
    ...rows.flatMap((one) => (isRow(one) ? [] : [one.text.trim()])),
    ...(row === undefined ? [] : [`${row.label}, ${spokenValue(row)}. Row ${at} of ${answers.length}.`]),
    ...(row?.problem === undefined ? [] : [`Problem: ${row.problem}`]),
    ...spokenYaml(state),
    ...(told === undefined ? [] : [told]),
    ...(notice === undefined ? [] : [notice.text]),
    ...(busy === undefined ? [] : [`Busy: ${busy}`]),
    'Arrows move and choose, Enter takes, question mark explains, Control N goes on, Escape back, Control C leaves.',
  ].map(printable);
};
