import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { heldCapabilities, parseCapabilities } from '../../../runtime/linux/capabilities.ts';
import { makePipe } from '../../../runtime/linux/fds.ts';
import { FileSystemMagic, fileSystemOf } from '../../../runtime/linux/file-system.ts';
import { openInRoot, readFileInRoot } from '../../../runtime/linux/in-root.ts';
import { lockFile } from '../../../runtime/linux/locks.ts';
import { makeFifo, makeNode } from '../../../runtime/linux/nodes.ts';
import { startWriting, syncFileSystem } from '../../../runtime/linux/sync.ts';
import { hasErrno } from '../../../runtime/linux/system-call-failed.ts';
import { getXattr, listXattrs, removeXattr, setXattr } from '../../../runtime/linux/xattrs.ts';

const root = mkdtempSync('/dev/shm/berth-files-');
test.after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'etc'));
writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0\n');

test('a file inside a root is read, at most so much of it', () => {
  assert.equal(readFileInRoot(root, '/etc/passwd', 100)?.toString(), 'root:x:0:0\n');
  assert.equal(readFileInRoot(root, 'etc/passwd', 4)?.toString(), 'root');
  assert.equal(readFileInRoot(root, 'etc/absent', 100), undefined);
});

test('links and dots cannot leave the root', () => {
  symlinkSync('/etc/passwd', join(root, 'absolute'));
  symlinkSync('../../../../../etc/hostname', join(root, 'relative'));
  symlinkSync('loop', join(root, 'loop'));
  assert.equal(readFileInRoot(root, 'absolute', 100)?.toString(), 'root:x:0:0\n');
  for (const path of ['relative', '../../etc/hostname', 'loop'])
    assert.equal(readFileInRoot(root, path, 100), undefined);
});

test('what is no regular file is not read, and does not block', () => {
  makeFifo(join(root, 'fifo'));
  for (const path of ['fifo', 'etc', '.']) assert.equal(readFileInRoot(root, path, 100), undefined);
});

test('a file is made inside the root', () => {
  const fd = openInRoot(root, '/etc/new', constants.O_CREAT | constants.O_WRONLY | constants.O_EXCL, 0o640);
  try {
    assert.equal(fstatSync(fd).mode & 0o777, 0o640);
  } finally {
    closeSync(fd);
  }
  assert.throws(
    () => openInRoot(root, 'no/such', constants.O_RDONLY),
    (error) => hasErrno(error, 'ENOENT'),
  );
});

test('an attribute belongs to the file itself', () => {
  symlinkSync('etc/passwd', join(root, 'link'));
  setXattr(join(root, 'link'), 'trusted.berth', Buffer.from([0, 1, 255]));
  assert.deepEqual(getXattr(join(root, 'link'), 'trusted.berth'), Buffer.from([0, 1, 255]));
  assert.equal(getXattr(join(root, 'etc/passwd'), 'trusted.berth'), undefined);
  assert.deepEqual(listXattrs(join(root, 'link')), ['trusted.berth']);
  removeXattr(join(root, 'link'), 'trusted.berth');
  removeXattr(join(root, 'link'), 'trusted.berth');
  assert.deepEqual(listXattrs(join(root, 'link')), []);
  assert.throws(
    () => getXattr(join(root, 'absent'), 'trusted.berth'),
    (error) => hasErrno(error, 'ENOENT'),
  );
});

test('device nodes have their numbers', () => {
  makeNode({ path: join(root, 'disk'), type: 'block', mode: 0o600, major: 259, minor: 70000 });
  makeNode({ path: join(root, 'whiteout'), type: 'character', mode: 0 });
  const { rdev } = statSync(join(root, 'disk'), { bigint: true });
  // glibc's encoding of dev_t: gnu_dev_makedev.
  assert.equal(rdev, (259n << 8n) | (70000n & 0xffn) | ((70000n & ~0xffn) << 12n));
  assert.deepEqual(
    [statSync(join(root, 'whiteout')).rdev, statSync(join(root, 'whiteout')).isCharacterDevice()],
    [0, true],
  );
});

test('a lock has one holder', () => {
  const path = join(root, 'lock');
  const held = lockFile(path);
  assert.ok(held !== undefined);
  assert.equal(lockFile(path), undefined);
  closeSync(held);
  const again = lockFile(path);
  assert.ok(again !== undefined);
  closeSync(again);
});

test('a file system is told by its magic, and is synced', () => {
  const { magic, totalBytes, availableBytes } = fileSystemOf(root);
  assert.equal(magic, FileSystemMagic.tmpfs);
  assert.ok(totalBytes >= availableBytes && availableBytes > 0);
  syncFileSystem(root);
});

test('a file is sent to its disk, what is no file is not', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-sync-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'big');
  writeFileSync(path, Buffer.alloc(2 ** 20, 'x'));
  const fd = openSync(path, 'r+');
  startWriting(fd, 0, 2 ** 20);
  closeSync(fd);
  assert.ok(readFileSync(path).every((byte) => byte === 'x'.charCodeAt(0)));
  const { read, write } = makePipe();
  assert.throws(
    () => startWriting(write, 0, 1),
    (error) => hasErrno(error, 'ESPIPE'),
  );
  for (const end of [read, write]) closeSync(end);
});

test('capabilities are named by their bits', () => {
  const status = 'CapEff:\t00000000a80425fb\nCapBnd:\t000001ffffffffff\n';
  const { effective, bounding } = parseCapabilities(status);
  assert.deepEqual([effective.length, effective[0], effective.at(-1)], [14, 'CAP_CHOWN', 'CAP_SETFCAP']);
  assert.deepEqual([bounding.length, bounding.at(-1)], [41, 'CAP_CHECKPOINT_RESTORE']);
  assert.ok(heldCapabilities().effective.includes('CAP_SYS_ADMIN'));
});
