import assert from 'node:assert/strict';
import test from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { renderToString } from 'ink';
import { createElement } from 'react';
import type { Event } from '../../../src/core/events.ts';
import { type Board, boardAfter, emptyBoard } from '../../../src/faces/live/board.ts';
import { View } from '../../../src/faces/live/view.ts';

/** The board after events that happen a second apart, from 0 ms. */
const boardOf = (events: readonly Event[]): Board =>
  events.reduce((board, event, index) => boardAfter(board, event, index * 1000), emptyBoard);

const frame = (events: readonly Event[], size: { columns: number; rows: number }): string =>
  stripVTControlCharacters(
    renderToString(createElement(View, { board: boardOf(events), now: events.length * 1000, ...size }), {
      columns: size.columns,
    }),
  );

const connected = (host: string): Event[] => [
  { kind: 'phase-started', host, phase: 'connect' },
  { kind: 'phase-ended', host, phase: 'connect', milliseconds: 95, failed: false },
];

const uploading: Event[] = [
  ...connected('node-1'),
  { kind: 'phase-started', host: 'node-1', phase: 'apply', total: 27 },
  { kind: 'step-started', host: 'node-1', phase: 'apply', id: 'a', title: 'install runc' },
  { kind: 'step-ended', host: 'node-1', phase: 'apply', id: 'a', milliseconds: 900, failed: false },
  { kind: 'step-started', host: 'node-1', phase: 'apply', id: 'node', title: 'upload node' },
  { kind: 'bytes', host: 'node-1', id: 'node', done: 12 * 1024 * 1024, total: 48 * 1024 * 1024 },
];

test('a host shows its phases, the step at work and the bytes on their way', () => {
  assert.equal(
    frame(uploading, { columns: 80, rows: 24 }),
    `node-1  ✓ connect  ▸ apply 1/27 5.0 s
    ██████░░░░░░░░░░░░░░░░░░ 12.0 MiB of 48.0 MiB  upload node 2.0 s`,
  );
});

test('the end of a phase takes its steps away, and a failure keeps its mark', () => {
  const ended: Event[] = [
    ...uploading,
    { kind: 'phase-ended', host: 'node-1', phase: 'apply', milliseconds: 4200, failed: true },
  ];
  assert.equal(frame(ended, { columns: 80, rows: 24 }), 'node-1  ✓ connect  ✗ apply 4.2 s');
});

test('where the phases do not fit, the earliest give way to the one at work', () => {
  assert.equal(frame(uploading, { columns: 34, rows: 24 }).split('\n')[0], 'node-1  ▸ apply 1/27 5.0 s');
  const exactly = 'node-1  ✓ connect  ▸ apply 1/27 5.0 s';
  assert.equal(frame(uploading, { columns: exactly.length, rows: 24 }).split('\n')[0], exactly);
});

test('a phase that comes again keeps its place', () => {
  const events: Event[] = [
    ...connected('a'),
    { kind: 'phase-started', host: 'a', phase: 'apply', total: 1 },
    { kind: 'phase-ended', host: 'a', phase: 'apply', milliseconds: 2000, failed: false },
    { kind: 'phase-started', host: 'a', phase: 'connect' },
  ];
  assert.equal(frame(events, { columns: 80, rows: 24 }), 'a  ▸ connect 1.0 s  ✓ apply 2.0 s');
});

test('checks are counted while the verification runs', () => {
  const check = { id: 'x', title: 'x', ok: true, milliseconds: 1, detail: '' };
  const events: Event[] = [
    { kind: 'phase-started', host: 'a', phase: 'verify' },
    { kind: 'checked', host: 'a', check },
    { kind: 'checked', host: 'a', check: { ...check, ok: false } },
  ];
  assert.equal(frame(events, { columns: 80, rows: 24 }), 'a  ▸ verify 2 3.0 s');
});

test('fifty hosts fit a screen of 24 rows: those at work are shown, the others counted', () => {
  const hosts = Array.from({ length: 50 }, (_, index) => `node-${index + 1}`);
  const events: Event[] = [
    ...hosts.flatMap(connected),
    { kind: 'phase-started', host: 'node-49', phase: 'probe' },
    {
      kind: 'step-started',
      host: 'node-49',
      phase: 'probe',
      id: 'x',
      title: 'a step with a long title '.repeat(9),
    },
  ];
  const lines = frame(events, { columns: 60, rows: 24 }).split('\n');
  assert.ok(lines.length <= 23, `${lines.length} lines`);
  assert.deepEqual(
    lines.filter((line) => line.length > 60),
    [],
  );
  assert.match(lines[0] ?? '', /^node-49 {2}▸ probe/);
  assert.equal(lines.at(-1), '… and 28 more hosts');
});

test('a narrow terminal cuts lines and does not wrap them', () => {
  const lines = frame(uploading, { columns: 30, rows: 24 }).split('\n');
  assert.equal(lines.length, 2);
  assert.deepEqual(
    lines.filter((line) => line.length > 30),
    [],
  );
});

test('events of hosts that nobody announced are not lost', () => {
  const events: Event[] = [
    { kind: 'step-started', host: 'x', phase: 'prepare', id: 'a', title: 'fetch crictl' },
  ];
  assert.match(frame(events, { columns: 80, rows: 24 }), /fetch crictl/);
});
