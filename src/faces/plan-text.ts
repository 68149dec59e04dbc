import { printable } from '../core/text.ts';
import type { Change, HostPlan, Plan } from '../resources/change.ts';
import type { Style } from './style.ts';

type Action = Change['action'];

/** The order in which the summary counts actions, with the sign that stands before each change. */
const signs: Readonly<Record<Action, '+' | '~' | '-'>> = {
  create: '+',
  install: '+',
  upload: '+',
  update: '~',
  set: '~',
  load: '~',
  enable: '~',
  start: '~',
  restart: '~',
  delete: '-',
  remove: '-',
};

const words: Readonly<Record<Action, string>> = {
  create: 'create',
  install: 'install',
  upload: 'upload',
  update: 'change',
  set: 'set',
  load: 'load',
  enable: 'enable',
  start: 'start',
  restart: 'restart',
  delete: 'delete',
  remove: 'remove',
};

const colours = { '+': 'green', '~': 'yellow', '-': 'red' } as const;

const diffLine = (line: string, style: Style): string => {
  if (line.startsWith('@@')) return style('cyan', line);
  if (line.startsWith('+++') || line.startsWith('---')) return style('bold', line);
  if (line.startsWith('+')) return style('green', line);
  return line.startsWith('-') ? style('red', line) : line;
};

const diffLines = (diff: string, style: Style): string[] =>
  printable(diff)
    .trimEnd()
    .split('\n')
    .map((line) => `      ${diffLine(line, style)}`);

const changeLines = (change: Change, diffs: boolean, style: Style): string[] => {
  const sign = signs[change.action];
  const reason = change.reason === undefined ? '' : style('dim', ` (${change.reason})`);
  const line = `  ${style(colours[sign], sign)} ${printable(change.summary)}${reason}`;
  return diffs && change.diff ? [line, ...diffLines(change.diff, style)] : [line];
};

const hostLines = (plan: HostPlan, diffs: boolean, style: Style): string[] => [
  style('bold', plan.host),
  ...(plan.changes.length === 0 ? ['  nothing to do'] : []),
  ...plan.changes.flatMap((change) => changeLines(change, diffs, style)),
  ...plan.notes.map((note) => `  ${style('yellow', '!')} ${printable(note)}`),
  '',
];

/** `9 to create, 2 to change, 3 to start`, or `nothing to do`. */
export const planSummary = (plan: Plan): string => {
  const changes = plan.hosts.flatMap((host) => host.changes);
  const counts = Object.keys(signs).flatMap((action) => {
    const count = changes.filter((change) => change.action === action).length;
    return count === 0 ? [] : [`${count} to ${words[action as Action]}`];
  });
  return counts.length === 0 ? 'nothing to do' : counts.join(', ');
};

/** A plan grouped by host; with `diffs`, each text file's unified diff stands under its change. */
export const planText = (plan: Plan, options: { readonly diffs: boolean; readonly style: Style }): string => {
  const busy = plan.hosts.filter((host) => host.changes.length > 0);
  const where =
    plan.hosts.length > 1 && busy.length > 0 ? ` on ${busy.length} of ${plan.hosts.length} hosts` : '';
  const lines = plan.hosts.flatMap((host) => hostLines(host, options.diffs, options.style));
  return [...lines, options.style('bold', `Plan: ${planSummary(plan)}${where}.`), ''].join('\n');
};
