import assert from 'node:assert/strict';
import test from 'node:test';
import { asFail } from '../../../runtime/linux/as-fail.ts';
import { SystemCallFailed } from '../../../runtime/linux/system-call-failed.ts';

test('what is wrong with the machine is told with what helps, and with the call that failed', () => {
  const written = Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO', syscall: 'write' });
  const mounted = new SystemCallFailed('mount', 28, 'overlay');
  for (const [error, code, hint] of [
    [written, 'DataLoss', /dmesg/],
    [mounted, 'ResourceExhausted', /df -h/],
  ] as const) {
    const fail = asFail(error);
    assert.equal(fail.code, code);
    assert.equal(fail.message, error.message);
    assert.match(fail.hint ?? '', hint);
    assert.equal(fail.cause, error);
  }
});
