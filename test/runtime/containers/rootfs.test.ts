import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { containerFolders } from '../../../runtime/containers/folders.ts';
import { mountRootfs, removeRootfs } from '../../../runtime/containers/rootfs.ts';
import { mountOverlay, mountTable, unmount } from '../../../runtime/linux/mounts.ts';

/** A folder with two layers, top first; everything mounted below it goes with it. */
const layersIn = (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-rootfs-'));
  t.after(() => {
    for (const { mountPoint } of mountTable()) if (mountPoint.startsWith(folder)) unmount(mountPoint);
    rmSync(folder, { recursive: true });
  });
  const [top, bottom] = [join(folder, 'top'), join(folder, 'bottom')];
  for (const layer of [top, bottom]) mkdirSync(layer);
  writeFileSync(join(top, 'file'), 'top');
  writeFileSync(join(bottom, 'file'), 'bottom');
  writeFileSync(join(bottom, 'other'), 'bottom');
  return { folder, lower: [top, bottom] };
};

test('the container sees its layers, writes beside them, and its writings go with it', async (t) => {
  const { folder, lower } = layersIn(t);
  const folders = containerFolders({ root: folder, runRoot: folder }, 'c1');
  mountRootfs(folders, { store: folder, folders: lower, users: undefined });
  assert.equal(readFileSync(join(folders.merged, 'file'), 'utf8'), 'top');
  writeFileSync(join(folders.merged, 'other'), 'written');
  assert.deepEqual(readdirSync(folders.upper), ['other']);
  await removeRootfs(folders);
  await removeRootfs(folders);
  assert.equal(existsSync(folders.disk), false);
  assert.equal(readFileSync(join(folder, 'bottom', 'other'), 'utf8'), 'bottom');
});

test('no user of the host comes near a container’s files, of which some have the setuid bit', async (t) => {
  const { folder, lower } = layersIn(t);
  chmodSync(folder, 0o755);
  const folders = containerFolders({ root: folder, runRoot: folder }, 'c1');
  mountRootfs(folders, { store: folder, folders: lower, users: undefined });
  for (const path of [folders.merged, folders.upper])
    assert.throws(
      () => execFileSync('cat', [join(path, 'file')], { uid: 65_534, gid: 65_534, stdio: 'pipe' }),
      /Permission denied/,
    );
  await removeRootfs(folders);
});

test('a folder that lies on an overlay is refused with the remedy', (t) => {
  const { folder, lower } = layersIn(t);
  const [upper, work, target] = ['upper', 'work', 'target'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [upper, work, target]) mkdirSync(path);
  mountOverlay({ lower, upper, work, target });
  const folders = containerFolders({ root: target, runRoot: folder }, 'c1');
  assert.throws(() => mountRootfs(folders, { store: folder, folders: lower, users: undefined }), {
    code: 'FailedPrecondition',
    message: `${folders.disk} lies on an overlay, which cannot carry writable layers`,
    hint: 'set [crio.berth] root to a folder on ext4, xfs, btrfs or tmpfs',
  });
});
