import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { requireWritable, writeWhole } from '../../../src/cli/write-whole.ts';
import { Fail } from '../../../src/core/fail.ts';
import { smallDisk } from '../../harness/small-disk.ts';
import { runBerth } from './run-berth.ts';

test('a file that the disk has no room for is told as a full disk, and leaves nothing there', async (t) => {
  const folder = smallDisk(t);
  const path = join(folder, 'plan.json');
  await assert.rejects(writeWhole(path, 'x'.repeat(1 << 20)), (error) => {
    assert.ok(error instanceof Fail);
    assert.equal(error.code, 'DiskFull');
    assert.equal(error.message, `${path} cannot be written: ENOSPC: no space left on device, write`);
    assert.equal(
      error.hint,
      'Make room there, or name a file on another disk, and run the same command again.',
    );
    return true;
  });
  assert.deepEqual(readdirSync(folder), []);
});

test('a device, a pipe and what a link leads to are written to, and stay what they are', async (t) => {
  const folder = smallDisk(t);
  const [device, file, link] = ['device', 'file', 'link'].map((name) => join(folder, name));
  assert.ok(device && file && link);
  execFileSync('mknod', [device, 'c', '1', '3']);
  writeFileSync(file, 'before', { mode: 0o640 });
  symlinkSync('file', link);
  await requireWritable(device);
  await writeWhole(device, 'into nothing');
  assert.ok(lstatSync(device).isCharacterDevice());
  await writeWhole(link, 'after');
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(file, 'utf8'), 'after');
});

test('a folder in place of a file is refused before the work', async (t) => {
  const folder = smallDisk(t);
  await assert.rejects(requireWritable(folder), {
    code: 'BadUsage',
    message: `${folder} is a folder`,
    hint: 'Name a file in it.',
  });
  await requireWritable(join(folder, 'report.xml'));
});

test('a report on a full disk ends the command as a full disk does', async (t) => {
  const folder = smallDisk(t);
  writeFileSync(join(folder, 'full'), Buffer.alloc(64 << 10));
  const single = new URL('../../../profiles/single-node.yaml', import.meta.url).pathname;
  const ran = await runBerth(['validate', single, '--code-quality', join(folder, 'quality.json')]);
  assert.equal(ran.exitCode, 16);
  assert.match(ran.stderr, /quality\.json cannot be written: ENOSPC.* \[DiskFull\]\nhint: Make room there/);
});
