import { type Check, isRed, type Phase } from '../core/events.ts';
import { CommandFailed, type Fail, type FailCode } from '../core/fail.ts';
import { printable } from '../core/text.ts';

/** One change that was made on a host, or was not. */
export interface ChangeReport {
  readonly phase: Phase;
  readonly id: string;
  readonly title: string;
  readonly milliseconds: number;
  readonly failed: boolean;
  readonly detail?: string;
  /** Of one that failed. */
  readonly code?: FailCode;
  /** And all that is known of that. */
  readonly error?: Fail;
  /** Why nothing of it is on the host: it was not begun, or taken back. */
  readonly skipped?: string;
}

/** What became of one host: its changes, its checks, and the error that ended its part of the run early, unless a change tells it. */
export interface HostReport {
  readonly host: string;
  readonly changes: readonly ChangeReport[];
  readonly checks: readonly Check[];
  readonly error?: Fail;
  /** Nothing was done on it, because of failures elsewhere. */
  readonly notBegun?: true;
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

/** `file:/etc/crictl.yaml` of an apply is a case of the class `berth.apply`. */
const changeCase = (change: ChangeReport): string[] => {
  const { phase, id, title, milliseconds } = change;
  return [
    `    <testcase${attributes({ classname: `berth.${phase}`, name: `${id}: ${title}`, time: seconds(milliseconds) })}>`,
    ...changeOutcome(change),
    '    </testcase>',
  ];
};

const changeOutcome = ({ title, failed, detail = title, code, error, skipped }: ChangeReport): string[] => {
  if (failed) {
    const about = attributes({ ...(code === undefined ? {} : { type: code }), message: detail });
    return [`      <failure${about}>${xmlText(error === undefined ? detail : errorBody(error))}</failure>`];
  }
  return skipped === undefined ? [] : [`      <skipped${attributes({ message: skipped })}/>`];
};

const errorBody = (error: Fail): string =>
  [
    error.message,
    ...(error.hint === undefined ? [] : [`hint: ${error.hint}`]),
    ...(error instanceof CommandFailed
      ? [`--- ${error.argv.join(' ')}`, error.stderr.trimEnd(), error.stdout.trimEnd()]
      : []),
  ]
    .filter((part) => part !== '')
    .join('\n');

const endCase = attributes({ classname: 'berth.host', name: 'berth came to its end', time: seconds(0) });

const notBegunCase = [
  `    <testcase${endCase}>`,
  `      <skipped${attributes({ message: 'not begun: other hosts failed before it' })}/>`,
  '    </testcase>',
];

const errorCase = (error: Fail): string[] => [
  `    <testcase${endCase}>`,
  `      <error${attributes({ type: error.code, message: error.message })}>${xmlText(errorBody(error))}</error>`,
  '    </testcase>',
];

const countsOf = (hosts: readonly HostReport[]) => {
  const checks = hosts.flatMap((host) => host.checks);
  const changes = hosts.flatMap((host) => host.changes);
  const errors = hosts.filter(({ error }) => error !== undefined).length;
  const notBegun = hosts.filter((host) => host.notBegun).length;
  return {
    tests: changes.length + checks.length + errors + notBegun,
    failures: changes.filter(({ failed }) => failed).length + checks.filter(isRed).length,
    errors,
    skipped:
      changes.filter(({ skipped }) => skipped !== undefined).length +
      checks.filter((check) => check.notRun).length +
      notBegun,
    time: seconds([...changes, ...checks].reduce((sum, { milliseconds }) => sum + milliseconds, 0)),
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
  ...report.changes.flatMap(changeCase),
  ...report.checks.flatMap(testCase),
  ...(report.error === undefined ? [] : errorCase(report.error)),
  ...(report.notBegun ? notBegunCase : []),
  '  </testsuite>',
];

/** The report in the form that CI systems read: one test suite a host, one test case a change or check. Times are seconds. */
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
