import assert from 'node:assert/strict';
import test from 'node:test';
import { requestedMilliseconds } from '../../../runtime/cri/requests.ts';

test('seconds of a request become a time that a timer can wait: not less than none, not more than it holds', () => {
  assert.equal(requestedMilliseconds(30n), 30_000);
  assert.equal(requestedMilliseconds(-1n), 0);
  for (const forEver of [2_147_484n, 2n ** 62n]) assert.equal(requestedMilliseconds(forEver), 2 ** 31 - 1);
});
