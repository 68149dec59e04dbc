import assert from 'node:assert/strict';
import test from 'node:test';
import { Reader } from '../../../../src/faces/live/reader.ts';

const isOver = async (promise: Promise<void>): Promise<boolean> => {
  const still = Symbol();
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, still))])) !== still;
};

test('a reader is waited for until they leave, or somebody wants berth to end', async () => {
  const reader = new Reader();
  const gone = reader.gone(new AbortController().signal);
  assert.equal(await isOver(gone), false);
  reader.leave();
  await gone;
  const interrupt = new AbortController();
  const interrupted = new Reader().gone(interrupt.signal);
  assert.equal(await isOver(interrupted), false);
  interrupt.abort();
  await interrupted;
  await new Reader().gone(interrupt.signal);
});

test('a reader who has gone away without a word is not waited for without end', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const reader = new Reader();
  const gone = reader.gone(new AbortController().signal);
  t.mock.timers.tick(9 * 60_000);
  reader.pressed();
  t.mock.timers.tick(9 * 60_000);
  assert.equal(await isOver(gone), false);
  t.mock.timers.tick(60_000);
  await gone;
});
