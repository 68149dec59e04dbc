import { type Check, isRed } from '../core/events.ts';
import type { Fail } from '../core/fail.ts';
import { printable } from '../core/text.ts';

/** What became of one host: its checks, and the error that ended its examination early. */
export interface HostReport {
  readonly host: string;
  readonly checks: readonly Check[];
  readonly error?: Fail;
}

export interface JunitOptions {
  /** Name of the whole report, e.g. `berth verify`. */
  readonly name: string;
  /** When the run began. */
  readonly startedAt: Date;
}

/**
 * What XML 1.0 has no way to write, escaped or not, is replaced; CR would be read back as LF. Terminal sequences are
 * taken out first: they mean nothing in a report.
 */
const xmlText = (text: string): string =>
  printable(text)
    .toWellFormed()
    .replace(/[\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>]/g, (character) => entities[character] ?? character);

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Line ends and tabs within an attribute are read back as blanks unless they are written as references. */
const xmlAttribute = (text: string): string =>
  xmlText(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${xmlAttribute(String(value))}"`)
    .join('');

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(3);

/** `redis.exec` of level node is `berth.node.redis`, and `exec` in it. */
const className = ({ id, grade }: Check): string =>
  ['berth', ...(grade === undefined ? [] : [grade]), id.split('.')[0]].join('.');

const failureBody = (check: Check): string =>
  [
    check.detail,
    ...(check.remedy === undefined ? [] : [`remedy: ${check.remedy}`]),
    ...(check.evidence ?? []).map(({ title, text }) => `--- ${title}\n${text.trimEnd()}`),
  ].join('\n');

const outcome = (check: Check): string[] => {
  if (check.notRun) return [`      <skipped${attributes({ message: check.detail })}/>`];
  if (isRed(check))
    return [
      `      <failure${attributes({ type: 'VerifyFailed', message: check.detail })}>${xmlText(failureBody(check))}</failure>`,
    ];
  const remedy = check.remedy === undefined ? '' : `\nwarning: ${check.remedy}`;
  return [`      <system-out>${xmlText(check.detail + remedy)}</system-out>`];
};

const testCase = (check: Check): string[] => [
  `    <testcase${attributes({
    classname: className(check),
    name: `${check.id}: ${check.title}`,
    time: seconds(check.milliseconds),
  })}>`,
  ...outcome(check),
  '    </testcase>',
];

const errorCase = (error: Fail): string[] => {
  const body = error.hint === undefined ? error.message : `${error.message}\nhint: ${error.hint}`;
  return [
    `    <testcase${attributes({ classname: 'berth.host', name: 'the host was examined', time: seconds(0) })}>`,
    `      <error${attributes({ type: error.code, message: error.message })}>${xmlText(body)}</error>`,
    '    </testcase>',
  ];
};

const countsOf = (hosts: readonly HostReport[]) => {
  const checks = hosts.flatMap((host) => host.checks);
  const errors = hosts.filter(({ error }) => error !== undefined).length;
  return {
    tests: checks.length + errors,
    failures: checks.filter(isRed).length,
    errors,
    skipped: checks.filter((check) => check.notRun).length,
    time: seconds(checks.reduce((sum, check) => sum + check.milliseconds, 0)),
  };
};

const suite = (report: HostReport, id: number, startedAt: Date): string[] => [
  `  <testsuite${attributes({
    name: report.host,
    id,
    hostname: report.host,
    timestamp: startedAt.toISOString().replace(/\.\d+Z$/, ''),
    ...countsOf([report]),
  })}>`,
  ...report.checks.flatMap(testCase),
  ...(report.error === undefined ? [] : errorCase(report.error)),
  '  </testsuite>',
];

/** The report in the form that CI systems read: one test suite a host, one test case a check. Times are seconds. */
export const junitText = (hosts: readonly HostReport[], { name, startedAt }: JunitOptions): string => {
  const { skipped: _, ...counts } = countsOf(hosts);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name, ...counts })}>`,
    ...hosts.flatMap((host, index) => suite(host, index, startedAt)),
    '</testsuites>',
    '',
  ].join('\n');
};
