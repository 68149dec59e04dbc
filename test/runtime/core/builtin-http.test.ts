import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';

const runtime = join(import.meta.dirname, '../../../runtime');

/** Loads the module in a process of its own, and tells whether undici came along. */
const loadsUndici = (module: string): boolean => {
  const script = `await import(${JSON.stringify(module)});
    console.log(process.moduleLoadList.some((name) => name.includes('undici')))`;
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script];
  return execFileSync(process.execPath, flags, { encoding: 'utf8' }) === 'true\n';
};

test('what serves streams and what pulls load no undici', () => {
  assert.equal(loadsUndici('node:http'), true);
  assert.equal(loadsUndici(join(runtime, 'streaming/server.ts')), false);
  assert.equal(loadsUndici(join(runtime, 'images/registry/registry.ts')), false);
});
