import assert from 'node:assert/strict';
import test from 'node:test';
import { differences, type Expectation, parseExpectations } from './expected.ts';
import type { SpecOutcome } from './report.ts';

const spec = (name: string, outcome: SpecOutcome['outcome']): SpecOutcome => ({
  name,
  outcome,
  seconds: 0,
  message: '',
  output: '',
});
const listed: Expectation[] = [
  { name: 'a', outcome: 'failed', where: 'everywhere' },
  { name: 'b', outcome: 'skipped', where: 'everywhere' },
];

test('a run that is as listed has no differences', () => {
  assert.deepEqual(differences([spec('a', 'failed'), spec('b', 'skipped'), spec('c', 'passed')], listed), []);
});

test('what fails or is skipped without being listed, and what is listed and passes, are differences', () => {
  const outcomes = [spec('a', 'passed'), spec('b', 'failed'), spec('c', 'failed'), spec('d', 'skipped')];
  assert.deepEqual(differences(outcomes, listed), [
    'a: passed, but failed was expected',
    'b: failed, but skipped was expected',
    'c: failed, but passed was expected',
    'd: skipped, but passed was expected',
  ]);
});

test('a listed spec that critest does not have is a difference', () => {
  assert.deepEqual(differences([spec('a', 'failed')], listed), [
    'b: expected.md lists it, but critest has no such spec',
  ]);
});

test('a table gives its rows, and a row that makes no sense is refused', () => {
  const table = (row: string) =>
    `Words.\n\n| Spec | Outcome | Where | Reason |\n| --- | --- | --- | --- |\n${row}\n`;
  assert.deepEqual(parseExpectations(table('| a b | skipped | without AppArmor | no kernel has it |')), [
    { name: 'a b', outcome: 'skipped', where: 'without AppArmor' },
  ]);
  for (const row of [
    '| a | broken | everywhere | because |',
    '| a | failed | on Mondays | because |',
    '| a | failed | everywhere | |',
    '| a | failed | everywhere | because | so |',
  ])
    assert.throws(() => parseExpectations(table(row)), /expected\.md: /, row);
});
