import assert from 'node:assert/strict';
import test from 'node:test';
import { Lanes } from '../../../../src/host/transport/lanes.ts';

test('who gives up waiting takes no turn away from the others', async () => {
  const lanes = new Lanes(1);
  const giveBack = await lanes.take(AbortSignal.timeout(1000), 'first');
  const impatient = new AbortController();
  const waiting = lanes.take(impatient.signal, 'impatient');
  const patient = lanes.take(AbortSignal.timeout(1000), 'patient');
  impatient.abort();
  await assert.rejects(waiting);
  giveBack();
  (await patient)();
  assert.equal(lanes.most, 1);
});
