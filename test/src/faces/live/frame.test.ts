import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { renderToString } from 'ink';
import { createElement } from 'react';
import { Fail } from '../../../../src/core/fail.ts';
import { frameOf, type Size } from '../../../../src/faces/live/frame.ts';
import { afterWish, type Wish } from '../../../../src/faces/live/keys.ts';
import { Picture } from '../../../../src/faces/live/picture.ts';
import { countsText, ranked } from '../../../../src/faces/live/standing.ts';
import { type LiveState, startOf } from '../../../../src/faces/live/state.ts';
import { summaryText } from '../../../../src/faces/live/summary.ts';
import {
  beside,
  failing,
  fifty,
  finishing,
  fleet,
  goingBack,
  held,
  looked,
  phase,
  proven,
  proving,
  red,
  started,
  stateAfter,
  type Told,
  uploading,
} from './story.ts';

/** BERTH_TEST_WRITE_FRAMES=1 writes the pictures anew; look at them before you commit them. */
const writes = process.env['BERTH_TEST_WRITE_FRAMES'] === '1';

const sizes: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 40, rows: 15 },
];

const drawn = (state: LiveState, now: number, size: Size): string =>
  stripVTControlCharacters(
    renderToString(
      createElement(Picture, {
        lines: frameOf(state, now, size, true).lines,
        style: (_format, text) => text,
      }),
      size,
    ),
  );

const pressed = (state: LiveState, now: number, size: Size, wishes: readonly Wish[]): LiveState =>
  wishes.reduce(
    (before, wish) => afterWish(before, wish, now, frameOf(before, now, size, true).extent),
    state,
  );

const sameAs = (name: string, size: Size, picture: string): void => {
  const file = new URL(`frames/${name}-${size.columns}x${size.rows}.txt`, import.meta.url);
  if (writes) writeFileSync(file, `${picture}\n`);
  assert.ok(existsSync(file), `${file.pathname} is missing: run once with BERTH_TEST_WRITE_FRAMES=1`);
  assert.equal(`${picture}\n`, readFileSync(file, 'utf8'));
};

const three = fleet(3);
const begun: Told[] = [
  started(three),
  [0, { kind: 'phase-started', host: 'node-1', phase: 'connect' }],
  ...phase('node-2', 'connect', 0, 0.2),
  [0.2, { kind: 'phase-started', host: 'node-2', phase: 'probe' }],
];
const middle: Told[] = [
  started(three),
  ...three.flatMap((host) => looked(host)),
  ...uploading('node-1'),
  ...held('node-2'),
  ...proving('node-3'),
];
const broken: Told[] = [
  started(three),
  ...three.flatMap((host) => looked(host)),
  ...uploading('node-1'),
  ...red('node-2'),
  ...failing('node-3'),
];

const wentBack: Told[] = [started(['node-1']), ...goingBack('node-1')];

/** As three earlier runs took. */
const earlier = startOf(
  [70_000, 66_000, 81_000].flatMap((milliseconds) => [
    {
      profile: `${process.cwd()}/fleet.yaml`,
      host: 'node-1',
      phase: 'apply',
      milliseconds,
      count: 27,
    } as const,
    {
      profile: `${process.cwd()}/fleet.yaml`,
      host: 'node-3',
      phase: 'verify',
      milliseconds: 8200,
      count: 34,
    } as const,
  ]),
);

const cases: readonly {
  readonly name: string;
  readonly story: readonly Told[];
  readonly at: number;
  readonly keys?: readonly Wish[];
}[] = [
  { name: 'start', story: begun, at: 0.6 },
  { name: 'middle', story: middle, at: 22 },
  { name: 'commands', story: middle, at: 22, keys: ['commands', 'down', 'down'] },
  { name: 'beside', story: [...middle, ...beside('node-3')], at: 22, keys: ['commands'] },
  { name: 'failures', story: broken, at: 24 },
  { name: 'going-back', story: wentBack, at: 38 },
  { name: 'failure-opened', story: broken, at: 24, keys: ['open'] },
  { name: 'log', story: broken, at: 24, keys: ['down', 'log'] },
  { name: 'log-scrolled', story: broken, at: 24, keys: ['down', 'log', 'first', 'down', 'down'] },
  { name: 'keys', story: middle, at: 22, keys: ['keys'] },
  { name: 'fifty', story: fifty(), at: 40 },
  { name: 'fifty-opened', story: fifty(), at: 40, keys: ['last', 'open', 'back', 'up'] },
];

for (const { name, story, at, keys = [] } of cases)
  for (const size of sizes)
    test(`${name} on ${size.columns} × ${size.rows} looks as it was looked at`, () => {
      const state = pressed(stateAfter(story, earlier), at * 1000, size, keys);
      const picture = drawn(state, at * 1000, size);
      const lines = picture.split('\n');
      assert.ok(lines.length < size.rows, `${lines.length} lines`);
      assert.deepEqual(
        lines.filter((line) => line.length > size.columns),
        [],
      );
      sameAs(name, size, picture);
    });

const plain = (_format: unknown, text: string): string => text;

test('what stays of three hosts is a line for each, the ones in trouble first', () => {
  const story = [
    started(three),
    ...three.flatMap((host) => looked(host)),
    ...proven('node-1'),
    ...red('node-2'),
    ...failing('node-3'),
  ];
  const summary = summaryText(stateAfter(story).board, plain, () => true);
  sameAs('final', { columns: 80, rows: 24 }, summary.trimEnd());
});

test('what stays of a host that went back is told in the order in which it happened', () => {
  const story = [
    ...wentBack,
    [
      39,
      { kind: 'phase-ended', host: 'node-1', phase: 'verify', milliseconds: 3000, failed: false },
    ] as const,
  ];
  assert.equal(
    summaryText(stateAfter(story).board, plain, () => true),
    'node-1  ✓ connect 100 ms  ✓ probe 800 ms  ✓ prepare 4.0 s  ✓ plan 200 ms  ✓ apply 6.0 s  ✗ verify 3.2 s  ' +
      '✓ rollback 2.0 s  ✓ verify 3.0 s  one check green\n',
  );
});

test('a phase that was only interrupted is no red one, nor is its host in trouble', () => {
  const error = new Fail('Cancelled', 'interrupted by SIGINT');
  const story: Told[] = [
    started(three),
    ...three.flatMap((host) => looked(host)),
    ...phase('node-1', 'apply', 3, 9),
    ...phase('node-1', 'probe', 9, 9.001, true),
    [9.001, { kind: 'failed', host: 'node-1', error }],
    ...red('node-2'),
    [24, { kind: 'failed', host: 'node-2', error }],
    ...phase('node-3', 'apply', 3, 9, true),
    [9, { kind: 'failed', host: 'node-3', error }],
  ];
  const { board } = stateAfter(story);
  const before = '✓ connect 100 ms  ✓ probe 400 ms  ✓ prepare 2.0 s  ✓ plan 100 ms';
  assert.equal(
    summaryText(board, plain, () => true),
    [
      `node-2  ${before}  ✓ apply 16.5 s  ✗ verify 3.2 s  1 of 4 checks red\n`,
      `node-1  ${before}  ✓ apply 6.0 s  – probe 1 ms (interrupted)\n`,
      `node-3  ${before}  – apply 6.0 s (interrupted)\n`,
    ].join(''),
  );
  assert.equal(countsText(ranked(board, 60_000)), '1 failed, 2 interrupted');
});

test('hosts that were interrupted are not among many that went well', () => {
  const names = fleet(12);
  const story: Told[] = [
    started(names),
    ...names.flatMap((host) => proven(host)),
    ...phase('node-12', 'verify', 25, 26, true),
    [26, { kind: 'failed', host: 'node-12', error: new Fail('Cancelled', 'interrupted by SIGINT') }],
  ];
  const summary = summaryText(stateAfter(story).board, plain, () => true);
  assert.match(summary, /^node-12 .*– verify 1\.0 s \(interrupted\)\n11 hosts {2}✓ apply/);
});

test('what stays of fifty hosts is a glance', () => {
  const story = [
    ...fifty(),
    ...fleet(50)
      .slice(4)
      .flatMap((host) => finishing(host, 60)),
  ];
  const summary = summaryText(stateAfter(story).board, plain, () => true);
  sameAs('final-fifty', { columns: 120, rows: 40 }, summary.trimEnd());
});

test('no terminal is too small or too large for any view', () => {
  for (const { name, story, at, keys = [] } of cases)
    for (const size of [1, 2, 3, 5, 9, 31].flatMap((columns) =>
      [1, 2, 3, 4, 5, 7, 12, 90].map((rows) => ({ columns: columns * 7, rows })),
    )) {
      const state = pressed(stateAfter(story), at * 1000, size, keys);
      const { lines } = frameOf(state, at * 1000, size, true);
      assert.ok(lines.length <= Math.max(1, size.rows - 1), `${name} ${size.columns}x${size.rows}`);
    }
});
