import assert from 'node:assert/strict';
import test from 'node:test';
import { secondsOf } from '../../../../src/host/script/encode-work.ts';

test('a work may take as long as all its commands together, and those that need a lock twice', () => {
  const run = (deadlineSeconds: number, locks?: readonly string[]) =>
    ({ kind: 'run', argv: ['true'], deadlineSeconds, ...(locks === undefined ? {} : { locks }) }) as const;
  const steps = [run(150), { kind: 'delete', path: '/x' } as const, run(300), run(900, ['/lock'])];
  assert.equal(secondsOf({ id: 'a', summary: 'a', steps }), 150 + 300 + 2 * 900);
});
