import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { KernelLog } from '../../../runtime/linux/kernel-log.ts';

function kernelLogIsOurs(): boolean {
  try {
    accessSync('/dev/kmsg', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const skip = kernelLogIsOurs() ? false : 'the kernel log cannot be read here';

test('the kernel log is told once, without what programs write into it', { skip }, () => {
  const log = new KernelLog();
  assert.ok(log.read().length > 0);
  const forged = `berth test ${randomBytes(4).toString('hex')}`;
  writeFileSync('/dev/kmsg', `<3>${forged}\n`);
  assert.ok(!log.read().some((text) => text.includes(forged)));
  assert.ok(!new KernelLog().read().some((text) => text.includes(forged)));
});

test('where there is no kernel log, it tells nothing', () => {
  const log = new KernelLog(join(import.meta.dirname, 'absent'));
  assert.deepEqual([log.read(), log.read()], [[], []]);
});
