import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { removeStaged } from '../../../runtime/containers/staged-mounts.ts';
import { bindMount, isMountPoint, mount, setPropagation, unmount } from '../../../runtime/linux/mounts.ts';

test('what is mounted below a volume stays when the staged copy of the volume goes', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-staged-'));
  const [volume, below, staged] = [join(folder, 'v'), join(folder, 'v/below'), join(folder, 'staged')];
  t.after(() => {
    if (isMountPoint(folder)) unmount(folder, { detach: true });
    rmSync(folder, { recursive: true });
  });
  // As / is under systemd.
  mount({ source: 'tmpfs', target: folder, type: 'tmpfs' });
  setPropagation(folder, 'shared');
  for (const path of [volume, below, staged, join(staged, '0-volume')]) mkdirSync(path);
  mount({ source: 'tmpfs', target: below, type: 'tmpfs' });
  bindMount(volume, join(staged, '0-volume'));
  assert.ok(isMountPoint(join(staged, '0-volume/below')));
  removeStaged({ staged });
  assert.ok(!isMountPoint(staged));
  assert.ok(isMountPoint(below));
});
