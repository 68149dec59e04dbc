import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { relabel } from '../../../runtime/containers/relabel.ts';
import { getXattr } from '../../../runtime/linux/xattrs.ts';

const LABEL = 'system_u:object_r:container_file_t:s0:c1,c2';
const labelOf = (path: string) => getXattr(path, 'security.selinux')?.toString().replace(/\0$/, '');

test('a volume gets the label with everything in it, and what its links point to does not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-relabel-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [volume, outside] = [join(folder, 'volume'), join(folder, 'outside')];
  mkdirSync(join(volume, 'deep/er'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(volume, 'deep/er/file'), '');
  writeFileSync(join(outside, 'file'), '');
  symlinkSync(outside, join(volume, 'link'));
  await relabel(volume, LABEL);
  for (const path of ['.', 'deep', 'deep/er', 'deep/er/file', 'link'])
    assert.equal(labelOf(join(volume, path)), LABEL, path);
  for (const path of [outside, join(outside, 'file')]) assert.notEqual(labelOf(path), LABEL);
  await relabel(join(volume, 'deep/er/file'), `${LABEL}0`);
  assert.equal(labelOf(join(volume, 'deep/er/file')), `${LABEL}0`);
});

test('a name that is no UTF-8 is labelled like any other', async (t) => {
  const volume = mkdtempSync(join(tmpdir(), 'berth-relabel-'));
  t.after(() => rmSync(volume, { recursive: true }));
  const latin = (path: string) => Buffer.from(join(volume, path), 'latin1');
  mkdirSync(latin('caf\xe9'));
  writeFileSync(latin('caf\xe9/na\xefve'), '');
  await relabel(volume, LABEL);
  renameSync(latin('caf\xe9/na\xefve'), join(volume, 'file'));
  renameSync(latin('caf\xe9'), join(volume, 'folder'));
  for (const name of ['folder', 'file']) assert.equal(labelOf(join(volume, name)), LABEL, name);
});

test('folders of the host keep their labels, and file systems without labels theirs', async () => {
  for (const path of ['/', '/etc', '/usr'])
    await assert.rejects(relabel(path, LABEL), { code: 'InvalidArgument', message: /belongs to the host/ });
  await relabel('/proc/self/fdinfo', LABEL);
});
