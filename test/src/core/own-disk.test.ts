import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { download } from '../../../src/artifacts/download.ts';
import { asFail } from '../../../src/core/as-fail.ts';
import { Fail } from '../../../src/core/fail.ts';
import { smallDisk } from '../../harness/small-disk.ts';

const thrown = (act: () => void): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
};

test('a full disk of this machine is told as one, and not as a fault of berth', (t) => {
  const folder = smallDisk(t);
  const fail = asFail(thrown(() => writeFileSync(join(folder, 'file'), Buffer.alloc(1 << 20))));
  assert.equal(fail.code, 'DiskFull');
  assert.match(fail.message, /the disk of this machine is full: ENOSPC/);
  assert.match(fail.hint ?? '', /BERTH_CACHE/);
});

test('a download that fills the disk is not taken for one that the network broke off', async (t) => {
  const server = createServer((_, response) => response.end(Buffer.alloc(1 << 20)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const path = join(smallDisk(t), 'file');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  const work = { emit: () => undefined, signal: AbortSignal.timeout(20_000) };
  await assert.rejects(
    download(url, path, work),
    (error) => error instanceof Fail && error.code === 'DiskFull',
  );
});

test('a place that may not be written is told with what may be named in its stead', (t) => {
  const folder = smallDisk(t);
  execFileSync('mount', ['-o', 'remount,ro', folder]);
  const fail = asFail(thrown(() => writeFileSync(join(folder, 'file'), '')));
  assert.equal(fail.code, 'BadUsage');
  assert.match(fail.message, /cannot be read or written: EROFS.*file/);
});

test('what another program or a socket refuses is no place of the disk', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-refused-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'program');
  writeFileSync(program, 'not executable', { mode: 0o644 });
  const [spawned] = await once(spawn(program), 'error');
  assert.equal(spawned.code, 'EACCES');
  const connected = Object.assign(new Error('connect EACCES /run/x.sock'), {
    code: 'EACCES',
    syscall: 'connect',
    address: '/run/x.sock',
  });
  for (const error of [spawned, connected]) {
    const fail = asFail(error);
    assert.equal(fail.code, 'Internal');
    assert.match(fail.message, /EACCES/);
  }
});
