import assert from 'node:assert/strict';
import test from 'node:test';
import { asFail } from '../../../src/core/as-fail.ts';
import { CommandFailed, Fail } from '../../../src/core/fail.ts';
import { failureText } from '../../../src/faces/failure-text.ts';
import { codeFrame } from '../../../src/profile/code-frame.ts';
import { badProfile } from '../../../src/profile/problem.ts';

const options = { style: (_format: unknown, text: string) => text, verbose: false };

test('a failure says what, why and the remedy', () => {
  const error = new Fail('Unreachable', 'node-1: 192.0.2.10:22 does not answer', {
    hint: 'check the address',
    cause: new Error('connect ETIMEDOUT'),
  });
  assert.equal(
    failureText(error, options),
    'berth: node-1: 192.0.2.10:22 does not answer [Unreachable]\n  because connect ETIMEDOUT\nhint: check the address\n',
  );
});

test('a command that said no is shown with the end of what it printed', () => {
  const stderr = Array.from({ length: 30 }, (_, index) => `E: line ${index}`).join('\n');
  const error = new CommandFailed('node-1: apt-get failed', {
    argv: ['apt-get', 'install', 'runc'],
    exitCode: 100,
    stdout: '',
    stderr,
  });
  const text = failureText(error, options);
  assert.match(text, /\$ apt-get install runc\n {2}… 10 lines before\n {2}E: line 10\n/);
  assert.match(text, /E: line 29\n/);
});

test('a cause that repeats its wrapper is not told twice', () => {
  const error = new Fail('Fetch', 'cannot fetch: connection refused', {
    cause: new Error('connection refused'),
  });
  assert.equal(failureText(error, options), 'berth: cannot fetch: connection refused [Fetch]\n');
});

test('an error that nobody foresaw shows where it came from', () => {
  const text = failureText(asFail(new TypeError('x is not a function')), options);
  assert.match(text, /unexpected: x is not a function/);
  assert.match(text, /failure-text\.test\.ts/);
});

test('on a narrow terminal the line of a profile is cut around its caret, and what is wrong breaks between words', () => {
  const line =
    '    - { name: a | bc, address: "192.0.2.10", user: admin, hostKeyFingerprint: nonsense, sudo: true }';
  const shownAt = (column: number, width: number): string[] => {
    const problem = {
      file: 'fleet.yaml',
      line: 1,
      column,
      message: 'this is nothing that berth knows; did you mean another word',
      frame: codeFrame(line, 1, column),
    };
    const text = failureText(badProfile('fleet.yaml', [problem]), { ...options, width });
    return text.split('\n').slice(0, 4);
  };
  assert.deepEqual(shownAt(56, 60), [
    'fleet.yaml:1:56: this is nothing that berth knows; did you',
    '    mean another word',
    '    1 | … "192.0.2.10", user: admin, hostKeyFingerprint: no…',
    '      |                           ^',
  ]);
  assert.deepEqual(shownAt(7, 60).slice(2), [
    '    1 |     - { name: a | bc, address: "192.0.2.10", user: …',
    '      |       ^',
  ]);
  assert.deepEqual(shownAt(line.length + 1, 60).slice(2), [
    '    1 | … admin, hostKeyFingerprint: nonsense, sudo: true }',
    '      |                                                    ^',
  ]);
  assert.deepEqual(shownAt(56, 140).slice(1, 3), [`    1 | ${line}`, `      | ${' '.repeat(55)}^`]);
});
