import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createQueues } from '../../../runtime/containers/queue.ts';

test('tasks of one key follow each other, also after one failed; other keys do not wait', async () => {
  const queues = createQueues();
  const order: string[] = [];
  const task = (name: string, milliseconds: number) => async () => {
    order.push(`${name} begins`);
    await pause(milliseconds);
    order.push(`${name} ends`);
    if (name === 'a1') throw new Error('a1 fails');
    return name;
  };
  const results = await Promise.allSettled([
    queues.run('a', task('a1', 30)),
    queues.run('a', task('a2', 1)),
    queues.run('b', task('b1', 5)),
  ]);
  assert.deepEqual(order, ['a1 begins', 'b1 begins', 'b1 ends', 'a1 ends', 'a2 begins', 'a2 ends']);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : String(result.reason))),
    ['Error: a1 fails', 'a2', 'b1'],
  );
});
