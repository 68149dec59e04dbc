import { counted, printable } from '../core/text.ts';
import type { Change, HostPlan, Plan } from '../resources/change.ts';
import { diffLines } from './diff-lines.ts';
import type { Style } from './style.ts';
import { wrapped } from './wrapped.ts';

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

/** `width` columns; lines are broken between words. */
interface Look {
  readonly diffs: boolean;
  readonly style: Style;
  readonly width: number;
}

const changeLines = (change: Change, { diffs, style, width }: Look): string[] => {
  const sign = signs[change.action];
  const reason = change.reason === undefined ? '' : ` (${printable(change.reason)})`;
  const summary = printable(change.summary);
  const text =
    reason !== '' && summary.length + reason.length + 4 > width
      ? wrapped(`    ${summary}${reason}`, width, 6)
      : `${wrapped(`    ${summary}`, width, 6)}${style('dim', reason)}`;
  const line = `  ${style(colours[sign], sign)} ${text.trimStart()}`;
  return diffs && change.diff ? [line, ...diffLines(change.diff, style)] : [line];
};

const hostLines = (plan: HostPlan, look: Look): string[] => [
  look.style('bold', plan.host),
  ...(plan.changes.length === 0 ? ['  nothing to do'] : []),
  ...plan.changes.flatMap((change) => changeLines(change, look)),
  ...plan.notes.map(
    (note) =>
      `  ${look.style('yellow', '!')} ${wrapped(`    ${printable(note)}`, look.width, 6).trimStart()}`,
  ),
  ...otherTagsLine(plan),
  '',
];

const otherTagsLine = ({ otherTags = 0 }: HostPlan): string[] =>
  otherTags === 0 ? [] : [`  ${counted(otherTags, 'change')} more under other tags`];

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
export const planText = (
  plan: Plan,
  options: { readonly diffs: boolean; readonly style: Style; readonly width?: number },
): string => {
  const look: Look = { width: Number.POSITIVE_INFINITY, ...options };
  const busy = plan.hosts.filter((host) => host.changes.length > 0);
  const where =
    plan.hosts.length > 1 && busy.length > 0 ? ` on ${busy.length} of ${plan.hosts.length} hosts` : '';
  const lines = plan.hosts.flatMap((host) => hostLines(host, look));
  return [...lines, options.style('bold', `Plan: ${planSummary(plan)}${where}.`), ''].join('\n');
};
