import assert from 'node:assert/strict';
import test from 'node:test';
import { asFail } from '../../../src/core/as-fail.ts';
import { CommandFailed, Fail } from '../../../src/core/fail.ts';
import { failureText } from '../../../src/faces/failure-text.ts';

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
