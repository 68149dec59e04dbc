import { type Check, isRed } from '../core/events.ts';
import { CommandFailed, type Fail } from '../core/fail.ts';
import { duration, printable } from '../core/text.ts';
import { problemsOf } from '../profile/problem.ts';
import type { HostPlan } from '../resources/change.ts';
import { checksSummary, whose } from './checks-text.ts';
import { planSummary, planText } from './plan-text.ts';
import type { Summary } from './summary.ts';

/** GitHub takes 1 MiB for all summaries of a step together, and nothing of one that is larger. */
const bytesOfOne = 256 * 1024;

const oneLine = (text: string): string => printable(text).replace(/\s+/g, ' ').trim();

/** Text of others within a line or a cell: nothing in it is markup or the end of the cell. */
const inline = (text: string): string =>
  oneLine(text)
    .replaceAll('&', '&amp;')
    .replace(/[\\`*_[\]<>|~]/g, '\\$&')
    .replace(/^[-+#=]/, '\\$&');

/** The same where Markdown is not read: within an element of HTML. */
const html = (text: string): string =>
  oneLine(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Lines as they are; the fence is longer than any in them. */
const block = (text: string, language = 'text'): string => {
  const clean = printable(text).trimEnd();
  const longest = Math.max(2, ...[...clean.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${clean}\n${fence}\n`;
};

const details = (title: string, body: string): string =>
  `<details><summary>${html(title)}</summary>\n\n${body}\n</details>\n`;

const outcome = (exitCode: number): string => {
  if (exitCode === 0) return '✓ done';
  return exitCode === 2 ? '! to act on (exit code 2)' : `✗ failed (exit code ${exitCode})`;
};

/** The host, where the message does not begin with it. */
const named = (host: string | undefined, message: string): string =>
  host === undefined || message.startsWith(`${host}:`) ? '' : `**${inline(host)}** `;

const failureText = (host: string | undefined, error: Fail): string =>
  [
    `- ✗ ${named(host, error.message)}${inline(error.message)} (${error.code})\n`,
    ...(error.hint === undefined ? [] : [`  hint: ${inline(error.hint)}\n`]),
    ...problemsOf(error).map(
      ({ file, line, column, message }) => `  - ${inline(`${file}:${line}:${column}`)}: ${inline(message)}\n`,
    ),
    ...(error instanceof CommandFailed
      ? [`\n${block([error.argv.join(' '), error.stderr, error.stdout].join('\n').slice(-4000))}`]
      : []),
  ].join('');

const redCheck = (whose: string, check: Check): string =>
  [
    `#### ✗ ${inline(whose)}: ${inline(check.id)}\n`,
    `${inline(check.title)}: ${inline(check.detail)}\n`,
    ...(check.remedy === undefined ? [] : [`**Remedy:** ${inline(check.remedy)}\n`]),
    ...(check.evidence ?? []).map(({ title, text }) => details(title, block(text.slice(-8000)))),
  ].join('\n');

/** `made`: undefined where nothing was to be made, as by a plan. */
const changesOf = (plan: HostPlan | undefined, made: number | undefined): string => {
  if (plan === undefined) return '';
  const planned = plan.changes.length;
  if (planned === 0) return 'none';
  return made === undefined || made === planned ? String(planned) : `${made} of ${planned}`;
};

const checksOf = (checks: readonly Check[]): string =>
  `${checks.some(isRed) ? '✗' : '✓'} ${checksSummary(checks)}`;

const endOf = (host: string, { wentBack, failures }: Summary): string => {
  const back = wentBack.get(host);
  if (back !== undefined) return back ? '✗ went back' : '✗ the way back failed';
  return failures.some((failure) => failure.host === host) ? '✗ failed' : '';
};

const hostTable = (summary: Summary): string => {
  const { plan, made, checks, failures } = summary;
  const plans = new Map((plan?.hosts ?? []).map((host) => [host.host, host]));
  const failed = failures.flatMap(({ host }) => host ?? []);
  const names = [...new Set([...plans.keys(), ...checks.keys(), ...failed])];
  if (names.length === 0) return '';
  const rows = names.map((name) => {
    const verified = checks.get(name);
    const changes = changesOf(plans.get(name), made.size === 0 ? undefined : (made.get(name) ?? 0));
    const [proof, time] =
      verified === undefined ? ['', ''] : [checksOf(verified.checks), duration(verified.milliseconds)];
    return `| ${inline(name)} | ${changes} | ${proof} | ${time} | ${endOf(name, summary)} |`;
  });
  return [
    '| host | changes | checks | time of the checks | |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
};

const planSection = ({ plan }: Summary, diffs: boolean): string => {
  if (plan === undefined) return '';
  const text = planText(plan, { diffs, style: (_format, text) => text });
  return details(`Plan: ${planSummary(plan)}`, block(text, 'diff'));
};

const textOf = (title: string, summary: Summary, diffs: boolean): string =>
  [
    `### ${inline(title)}: ${outcome(summary.exitCode)}\n`,
    hostTable(summary),
    summary.failures.map(({ host, error }) => failureText(host, error)).join(''),
    ...[...summary.checks, ...summary.checksBack].flatMap(([host, verified]) =>
      verified.checks.filter(isRed).map((check) => redCheck(whose(host, verified), check)),
    ),
    summary.warnings.map(({ host, message }) => `- ! ${named(host, message)}${inline(message)}\n`).join(''),
    planSection(summary, diffs),
    ...summary.reports.map((report) => details(report.title, block(report.text))),
    summary.messages.map((message) => `${inline(message)}\n`).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n');

/**
 * The run as Markdown for the page of a job (GitHub's job summary, a GitLab note), at most 256 KiB: what is too long loses
 * the diffs of its plan first, then its end, and says so.
 */
export const markdownText = (title: string, summary: Summary): string => {
  const whole = textOf(title, summary, true);
  if (Buffer.byteLength(whole) <= bytesOfOne) return `${whole}\n`;
  return `${withinBytes(textOf(title, summary, false))}\n\nSome of it was left out here: the log of the job has all of it.\n`;
};

/** Cut before something that is folded, so that nothing stays open behind it. */
const withinBytes = (text: string): string => {
  if (Buffer.byteLength(text) <= bytesOfOne) return text;
  const cut = Buffer.from(text).subarray(0, bytesOfOne).toString('utf8');
  const end = cut.lastIndexOf('<details>');
  return `${end < 0 ? cut : cut.slice(0, end).trimEnd()}\n\n…`;
};
