import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { lockFolder } from '../../../../src/inventory/embedded/lock.ts';

const emptyFolder = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-lock-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

test('one process at a time works in a folder, and the second is told who does', async (t) => {
  const folder = emptyFolder(t);
  {
    await using _ = await lockFolder(folder);
    await assert.rejects(lockFolder(folder), {
      code: 'Locked',
      message: new RegExp(`process ${process.pid}\\b`),
    });
  }
  await using _ = await lockFolder(folder);
});

test('the lock of a process that was killed is taken over', async (t) => {
  const folder = emptyFolder(t);
  const module = new URL('../../../../src/inventory/embedded/lock.ts', import.meta.url).href;
  const holder = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  holder.stdin.end(`
    import { lockFolder } from ${JSON.stringify(module)};
    await lockFolder(${JSON.stringify(folder)});
    console.log('held');
    setInterval(() => {}, 1000);`);
  await once(holder.stdout, 'data');
  await assert.rejects(lockFolder(folder), { code: 'Locked' });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await using _ = await lockFolder(folder);
});
