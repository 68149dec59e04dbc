import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { containerFolders } from '../../../runtime/containers/folders.ts';
import { mountRootfs, removeRootfs } from '../../../runtime/containers/rootfs.ts';
import { bindMount, mountOverlay, mountTable, setPropagation } from '../../../runtime/linux/mounts.ts';
import { unmountBelow } from '../../harness/unmount-below.ts';

/** A folder with two layers, top first; everything mounted below it goes with it. */
const layersIn = (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-rootfs-'));
  t.after(() => {
    unmountBelow(folder);
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

test('a root file system that somebody has a copy of, in a mount of a folder above, is removed with the copy', async (t) => {
  const { folder, lower } = layersIn(t);
  const [host, copy] = [join(folder, 'host'), join(folder, 'copy')];
  for (const path of [host, copy]) mkdirSync(path);
  const folders = containerFolders({ root: host, runRoot: host }, 'c1');
  mountRootfs(folders, { store: folder, folders: lower, users: undefined });
  // Without propagation, as / is where nobody has made it shared: what is unmounted in one place stays in the others.
  bindMount(host, copy);
  setPropagation(copy, 'private');
  assert.ok(existsSync(join(copy, 'containers/c1/merged/file')));
  await removeRootfs(folders);
  assert.equal(existsSync(folders.disk), false);
  const left = mountTable().filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
  assert.deepEqual(
    left.map(({ mountPoint }) => mountPoint),
    [copy],
  );
});

test('a root file system that a process is still in, such as a command that ends just now, is removed all the same', async (t) => {
  const { folder, lower } = layersIn(t);
  const folders = containerFolders({ root: folder, runRoot: folder }, 'c1');
  mountRootfs(folders, { store: folder, folders: lower, users: undefined });
  const open = openSync(join(folders.merged, 'file'), 'r');
  try {
    await removeRootfs(folders);
    assert.equal(existsSync(folders.disk), false);
    assert.equal(readFileSync(open, 'utf8'), 'top');
  } finally {
    closeSync(open);
  }
  assert.ok(mountTable().every(({ mountPoint }) => !mountPoint.startsWith(`${folder}/`)));
});

test('what the container wrote goes with it, however much and of whatever names', async (t) => {
  const { folder, lower } = layersIn(t);
  for (const count of [10, 3000]) {
    const folders = containerFolders({ root: folder, runRoot: folder }, `c${count}`);
    mountRootfs(folders, { store: folder, folders: lower, users: undefined });
    mkdirSync(join(folders.merged, 'deep/er'), { recursive: true });
    for (let index = 0; index < count; index += 1)
      writeFileSync(join(folders.merged, `deep/er/${index}`), '');
    writeFileSync(Buffer.concat([Buffer.from(`${folders.merged}/deep/`), Buffer.from([0xff, 0xfe])]), '');
    symlinkSync(folder, join(folders.merged, 'out'));
    writeFileSync(join(folders.merged, 'large'), '');
    truncateSync(join(folders.merged, 'large'), 2 ** 40);
    await removeRootfs(folders);
    assert.equal(existsSync(folders.disk), false);
  }
  assert.deepEqual(readdirSync(join(folder, 'bottom')), ['file', 'other']);
});

test('folders that lie deeper than a path may be long go too', async (t) => {
  const { folder, lower } = layersIn(t);
  for (const depth of [30, 3000]) {
    const folders = containerFolders({ root: folder, runRoot: folder }, `c${depth}`);
    mountRootfs(folders, { store: folder, folders: lower, users: undefined });
    const home = process.cwd();
    try {
      process.chdir(folders.merged);
      for (let level = 0; level < depth; level += 1) {
        mkdirSync('n'.repeat(200));
        writeFileSync(`file ${level}`, '');
        process.chdir('n'.repeat(200));
      }
    } finally {
      process.chdir(home);
    }
    await removeRootfs(folders);
    assert.equal(existsSync(folders.disk), false);
  }
});

test('what a container writes is not synced: it ends with the container and with the machine', async (t) => {
  const { folder, lower } = layersIn(t);
  const folders = containerFolders({ root: folder, runRoot: folder }, 'c1');
  mountRootfs(folders, { store: folder, folders: lower, users: undefined });
  const found = mountTable().find(({ mountPoint }) => mountPoint === folders.merged);
  assert.match(found?.superOptions.join() ?? '', /volatile/);
  await removeRootfs(folders);
});

test('a layer that is gone from the disk is told with the remedy', (t) => {
  const { folder, lower } = layersIn(t);
  const folders = containerFolders({ root: folder, runRoot: folder }, 'c1');
  rmSync(lower[1] ?? '', { recursive: true });
  assert.throws(() => mountRootfs(folders, { store: folder, folders: lower, users: undefined }), {
    code: 'Internal',
    message: `cannot mount the root file system at ${folders.merged}: ENOENT`,
    hint: 'a layer is gone from the disk: remove the image and pull it again',
  });
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

test('layers of a user namespace leave no mount where the folders of berth are mounted twice and shared', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-rootfs-'));
  const holder = spawn('unshare', ['--user', '--map-root-user', 'sh', '-c', 'echo; exec sleep 60']);
  t.after(async () => {
    holder.kill('SIGKILL');
    unmountBelow(folder);
    rmSync(folder, { recursive: true });
  });
  await once(holder.stdout, 'data');
  // The second hides the first, and each mount below it is made below the first too: /run and a bind mount of it.
  for (const _ of ['first', 'second']) {
    bindMount(folder, folder);
    setPropagation(folder, 'shared');
  }
  const roots = { root: join(folder, 'lib'), runRoot: join(folder, 'run') };
  const layer = join(roots.root, 'layers/a');
  for (const path of [layer, roots.runRoot]) mkdirSync(path, { recursive: true });
  const folders = containerFolders(roots, 'c1');
  const ids = { containerID: 0, hostID: 0, size: 1 };
  const users = { namespace: `/proc/${holder.pid}/ns/user`, mappings: { uids: ids, gids: ids } };
  mountRootfs(folders, { store: roots.root, folders: [layer], users });
  assert.deepEqual(readdirSync(folders.staged), []);
  await removeRootfs(folders);
  const left = mountTable().filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
  assert.deepEqual(left, []);
});
