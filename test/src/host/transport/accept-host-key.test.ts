import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { acceptHostKey } from '../../../../src/host/transport/accept-host-key.ts';

test("a key that was compared is added as ssh does it: folder and file are the person's own", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-accept-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, '.ssh', 'known_hosts');
  await acceptHostKey(file, 'a ssh-ed25519 AAAA');
  await acceptHostKey(file, 'b ssh-ed25519 BBBB');
  assert.equal(readFileSync(file, 'utf8'), 'a ssh-ed25519 AAAA\nb ssh-ed25519 BBBB\n');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, '.ssh')).mode & 0o777, 0o700);
});

test('a file whose last line has no end gets no two hosts on one line', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-accept-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'known_hosts');
  writeFileSync(file, 'a ssh-ed25519 AAAA');
  await acceptHostKey(file, 'b ssh-ed25519 BBBB');
  assert.equal(readFileSync(file, 'utf8'), 'a ssh-ed25519 AAAA\nb ssh-ed25519 BBBB\n');
});

test('a place that cannot be written is told', async () => {
  await assert.rejects(
    acceptHostKey('/etc/passwd/known_hosts', 'a ssh-ed25519 AAAA'),
    (error: unknown) =>
      error instanceof Fail && error.code === 'BadUsage' && /knownHostsFiles/.test(error.hint ?? ''),
  );
});
