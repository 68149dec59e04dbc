import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import test from 'node:test';
import { estimateOf, type Sample, samplesWith } from '../../../../src/faces/live/estimate.ts';
import { timeText } from '../../../../src/faces/live/progress-lines.ts';
import { expected, startOf } from '../../../../src/faces/live/state.ts';
import { looked, phase, started, stateAfter, type Told } from './story.ts';

const sample = (host: string, milliseconds: number, count = 27, profile = '/p.yaml'): Sample => ({
  profile,
  host,
  phase: 'apply',
  milliseconds,
  count,
});

const wanted = { profile: '/p.yaml', host: 'a', phase: 'apply', total: 27 } as const;

test('what is expected is the median of the last five runs of the host itself', () => {
  const samples = [900_000, 900_000, 10_000, 12_000, 11_000, 60_000, 9000].map((each) => sample('a', each));
  assert.equal(estimateOf([...samples, sample('b', 1)], wanted)?.milliseconds, 11_000);
});

test('a host that is new is expected to be like the others of its profile, and of no other', () => {
  assert.equal(estimateOf([sample('b', 5000), sample('c', 7000, 27, '/q.yaml')], wanted)?.milliseconds, 5000);
  assert.equal(estimateOf([sample('a', 5000, 27, '/q.yaml')], wanted), undefined);
});

test('an apply of two changes says nothing of one of twenty-seven', () => {
  assert.equal(estimateOf([sample('a', 400, 2)], wanted), undefined);
  assert.equal(estimateOf([sample('a', 9000, 25)], wanted)?.milliseconds, 9000);
});

test('a verification is expected to be like those that asked for the same, and an older berth kept no word of that', () => {
  const node: Sample = { ...sample('a', 8000, 47), phase: 'verify', grades: ['smoke', 'node'] };
  const smoke = { ...wanted, phase: 'verify', total: undefined, grades: ['smoke'] } as const;
  const { grades: _, ...before } = node;
  assert.equal(estimateOf([node, before], smoke), undefined);
  assert.deepEqual(estimateOf([{ ...node, grades: ['smoke'], milliseconds: 480, count: 10 }, node], smoke), {
    milliseconds: 480,
    count: 10,
  });
  const story: Told[] = [
    started(['a']),
    [0, { kind: 'phase-started', host: 'a', phase: 'verify', grades: ['smoke'] }],
    [1, { kind: 'phase-ended', host: 'a', phase: 'verify', milliseconds: 1000, failed: false }],
  ];
  assert.deepEqual(
    stateAfter(story, startOf([])).taken.map(({ grades }) => grades),
    [['smoke']],
  );
});

test('only so many samples are kept, the newest ones', () => {
  const many = Array.from({ length: 1200 }, (_, index) => sample('a', index));
  const kept = samplesWith(many, [sample('a', 9999)]);
  assert.equal(kept.length, 1000);
  assert.equal(kept.at(-1)?.milliseconds, 9999);
});

test('a run samples the phases that went well', () => {
  const story = [started(['a']), ...looked('a'), ...phase('a', 'apply', 3, 9, true)];
  const { taken } = stateAfter(story, startOf([]));
  assert.deepEqual(
    taken.map((each) => each.phase),
    ['connect', 'probe', 'prepare', 'plan'],
  );
});

test('a second look, which finds all ready, is no sample and has no estimate', () => {
  const again = [started(['a']), ...looked('a'), ...phase('a', 'apply', 3, 9), ...looked('a', 9)];
  const { taken, ...state } = stateAfter(again, startOf([]));
  assert.deepEqual(
    taken.map((each) => each.phase),
    ['connect', 'probe', 'prepare', 'plan', 'apply'],
  );
  const earlier: Sample = { ...sample('a', 3700, 2, resolve('fleet.yaml')), phase: 'prepare' };
  const expectations = state.board.hosts
    .get('a')
    ?.phases.filter((each) => each.phase === 'prepare')
    .map((each) => expected({ ...state, earlier: [earlier] }, 'a', each)?.milliseconds);
  assert.deepEqual(expectations, [3700, undefined]);
});

test('time is told beside what is expected, and beyond it as late', () => {
  const estimate = { milliseconds: 70_000, count: 27 };
  assert.equal(timeText(35_000, estimate), '35 s of ~1 min 10 s');
  assert.equal(timeText(200, estimate), '~1 min 10 s');
  assert.equal(timeText(80_000, estimate), '1 min 20 s, usually 1 min 10 s');
  assert.equal(timeText(35_000, undefined), '35 s');
  assert.equal(timeText(300, { milliseconds: 500, count: 1 }), '');
});
