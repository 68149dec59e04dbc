import assert from 'node:assert/strict';
import test from 'node:test';
import { generationsText } from '../../../src/faces/generations-text.ts';
import type { Generation } from '../../../src/host/facts/generations.ts';

const style = (_format: unknown, text: string): string => text;

const first: Generation = {
  number: 1,
  at: '2026-11-25T22:31:04Z',
  by: 'alice@laptop',
  kind: 'apply',
  to: undefined,
  berth: '0.1.0',
  profile: undefined,
  changes: 27,
  end: 'done',
  guardFired: true,
  verified: 'red',
  red: [],
  rolledBackBy: 2,
};
const second: Generation = {
  ...first,
  number: 2,
  kind: 'rollback',
  to: 0,
  changes: 3,
  guardFired: false,
  verified: 'green',
  rolledBackBy: undefined,
};
const all = new Map([['node-1', [first, second]]]);

test('generations are a table where there is room for it', () => {
  const head = [
    'node-1',
    '  2  2026-11-25T22:31:04Z  alice@laptop  rollback to before berth, 3 changes  done, verified green',
  ];
  assert.deepEqual(generationsText(all, { style }).split('\n').slice(0, 2), head);
  assert.deepEqual(generationsText(all, { style, width: 200 }), generationsText(all, { style }));
});

test('on a narrow terminal what a generation came to stands below it, broken between words', () => {
  assert.equal(
    generationsText(all, { style, width: 60 }),
    [
      'node-1',
      '  2  2026-11-25T22:31:04Z  alice@laptop',
      '     rollback to before berth, 3 changes: done, verified',
      '     green',
      '  1  2026-11-25T22:31:04Z  alice@laptop',
      '     apply, 27 changes: done, a guarded change was not',
      '     confirmed and undone, verified red, rolled back by 2',
      '',
    ].join('\n'),
  );
});
