import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Check } from '../../../src/core/events.ts';
import { CommandFailed, Fail } from '../../../src/core/fail.ts';
import { type HostReport, junitText } from '../../../src/faces/junit.ts';

const options = { name: 'berth verify', startedAt: new Date('2026-01-02T03:04:05.678Z') };

const check = (id: string, more: Partial<Check> = {}): Check => ({
  id,
  title: 'a title',
  grade: 'node',
  ok: true,
  milliseconds: 1234.5,
  detail: 'seen',
  ...more,
});

const schema = fileURLToPath(new URL('junit.xsd', import.meta.url));

/** libxml2, a parser that forgives nothing, and the schema that CI systems read reports by. */
const xmllint = (text: string, ...args: string[]): string => {
  const ran = spawnSync('xmllint', ['--nonet', ...args, '-'], { input: text, encoding: 'utf8' });
  assert.equal(ran.status, 0, `${ran.error ?? ''}${ran.stderr}\n${text}`);
  return ran.stdout;
};

const valueAt = (text: string, path: string): string =>
  xmllint(text, '--xpath', `string(${path})`).replace(/\n$/, '');

const hosts: readonly HostReport[] = [
  {
    host: 'node-1',
    changes: [],
    checks: [
      check('redis.ping'),
      check('redis.exec', {
        ok: false,
        detail: 'it says "no" & <goes>',
        evidence: [
          { title: 'journal of berthd', text: 'a\u0000b\u001b[31mred\u001b[0m\uffff\ud800 ]]> end\n' },
        ],
        remedy: 'run berth apply',
      }),
      check('critest.run', {
        ok: false,
        notRun: true,
        detail: 'not run: there is no critest',
        grade: 'full',
      }),
      check('versions.release', { remedy: 'run berth apply', detail: '0.1.1 here' }),
    ],
  },
  {
    host: 'node-"2"',
    changes: [],
    checks: [],
    error: new Fail('Unreachable', 'node-2: does not answer', { hint: 'boot it' }),
  },
];

test('a report is valid by the schema, with one suite a host and one case a check', () => {
  const text = junitText(hosts, options);
  xmllint(text, '--noout', '--schema', schema);
  assert.equal(valueAt(text, 'count(//testsuite)'), '2');
  assert.equal(valueAt(text, 'count(//testsuite[@name="node-1"]/testcase)'), '4');
  assert.equal(valueAt(text, '//testsuite[1]/@failures'), '1');
  assert.equal(valueAt(text, '//testsuite[1]/@skipped'), '1');
  assert.equal(valueAt(text, '//testsuite[2]/@errors'), '1');
  assert.equal(valueAt(text, '//testsuites/@tests'), '5');
  assert.equal(valueAt(text, '//testcase[1]/@time'), '1.234');
  assert.equal(valueAt(text, '//testcase[1]/@classname'), 'berth.node.redis');
});

test('a red check brings its words, remedy and evidence, whatever characters they have', () => {
  const text = junitText(hosts, options);
  assert.equal(valueAt(text, '//failure/@message'), 'it says "no" & <goes>');
  const body = valueAt(text, '//failure');
  assert.match(body, /remedy: run berth apply/);
  assert.match(body, /--- journal of berthd\na\ufffdbred\ufffd\ufffd \]\]> end/);
});

test('what was not run is skipped with the reason, a warning is no failure, a lost host is an error', () => {
  const text = junitText(hosts, options);
  assert.equal(valueAt(text, '//skipped/@message'), 'not run: there is no critest');
  assert.match(
    valueAt(text, '//testcase[starts-with(@name,"versions.release")]/system-out'),
    /warning: run berth apply/,
  );
  assert.equal(valueAt(text, '//testsuite[2]/@name'), 'node-"2"');
  assert.equal(valueAt(text, '//error/@type'), 'Unreachable');
  assert.match(valueAt(text, '//error'), /hint: boot it/);
});

test('each change of an apply is a case, one that failed with the words of the host and what was printed, one without effect skipped', () => {
  const change = { phase: 'apply', milliseconds: 1500, failed: false } as const;
  const failed = 'exit code 100';
  const run = {
    argv: ['apt-get', 'install', 'runc'],
    exitCode: 100,
    stdout: 'Reading…\n',
    stderr: 'E: <none>\n',
  };
  const text = junitText(
    [
      {
        host: 'node-1',
        changes: [
          { ...change, id: 'file:/etc/crictl.yaml', title: 'create /etc/crictl.yaml' },
          {
            ...change,
            id: 'package:runc',
            title: 'install runc',
            failed: true,
            detail: failed,
            code: 'CommandFailed',
            error: new CommandFailed('node-1: install runc: exit code 100', run),
          },
          { ...change, id: 'unit:x', title: 'start x', milliseconds: 0, skipped: 'not begun' },
        ],
        checks: [],
      },
    ],
    options,
  );
  xmllint(text, '--noout', '--schema', schema);
  assert.equal(valueAt(text, 'count(//testcase[@classname="berth.apply"])'), '3');
  assert.equal(valueAt(text, '//testcase[1]/@name'), 'file:/etc/crictl.yaml: create /etc/crictl.yaml');
  assert.equal(valueAt(text, '//testcase[2]/failure/@message'), failed);
  assert.equal(valueAt(text, '//testcase[2]/failure/@type'), 'CommandFailed');
  assert.equal(valueAt(text, '//testcase[3]/skipped/@message'), 'not begun');
  assert.match(valueAt(text, '//failure'), /^node-1: .*\n--- apt-get install runc\nE: <none>\nReading…$/);
  const counts = ['tests', 'failures', 'errors', 'skipped', 'time'].map((name) =>
    valueAt(text, `//testsuite/@${name}`),
  );
  assert.deepEqual(counts, ['3', '1', '0', '1', '3.000']);
});

test('a host that was not begun is skipped, and that is valid', () => {
  const text = junitText([{ host: 'c', changes: [], checks: [], notBegun: true }], options);
  xmllint(text, '--noout', '--schema', schema);
  assert.equal(valueAt(text, '//testsuites/@tests'), '1');
  assert.match(valueAt(text, '//skipped/@message'), /^not begun/);
});

test('a report without hosts is a report', () => {
  xmllint(junitText([], options), '--noout', '--schema', schema);
});
