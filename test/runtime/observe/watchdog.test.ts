import assert from 'node:assert/strict';
import test from 'node:test';
import type { Notice } from '../../../runtime/observe/notify.ts';
import { keepWatchdog } from '../../../runtime/observe/watchdog.ts';

/** The notices of two seconds, by a clock that the test turns. */
const noticesOf = (t: { mock: typeof test.mock }, environment: NodeJS.ProcessEnv): readonly Notice[] => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const notices: Notice[] = [];
  const stop = keepWatchdog((notice) => void notices.push(notice), { environment, pid: 7 });
  t.mock.timers.tick(2000);
  stop();
  t.mock.timers.tick(2000);
  t.mock.timers.reset();
  return notices;
};

test('a watched process says twice in the time it has that its event loop turns, until it stops', (t) => {
  const watched = { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '7' };
  assert.deepEqual(
    noticesOf(t, watched),
    Array.from({ length: 4 }, () => ({ WATCHDOG: 1 })),
  );
});

test('nobody is told where nobody watches, or somebody else is watched', (t) => {
  assert.deepEqual(noticesOf(t, {}), []);
  assert.deepEqual(noticesOf(t, { WATCHDOG_USEC: '0' }), []);
  assert.deepEqual(noticesOf(t, { WATCHDOG_USEC: 'soon' }), []);
  assert.deepEqual(noticesOf(t, { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '8' }), []);
});
