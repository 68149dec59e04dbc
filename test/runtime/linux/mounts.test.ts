import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { parseMountTable } from '../../../runtime/linux/mount-table.ts';
import {
  bindMount,
  isMountPoint,
  makeReadonlyRecursive,
  mount,
  mountOverlay,
  mountTable,
  setPropagation,
  unmount,
} from '../../../runtime/linux/mounts.ts';
import { SystemCallFailed } from '../../../runtime/linux/system-call-failed.ts';

/** A folder whose mounts are gone afterwards, whatever happened. */
function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync('/dev/shm/berth-mounts-');
  try {
    work(folder);
  } finally {
    const inside = mountTable().filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
    for (const { mountPoint } of inside.reverse()) unmount(mountPoint, { detach: true });
    rmSync(folder, { recursive: true });
  }
}

function make(folder: string, names: readonly string[]): string[] {
  return names.map((name) => {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  });
}

for (const { layers, why } of [
  { layers: 3, why: 'whose options fit in a page' },
  { layers: 120, why: 'whose options do not fit in a page' },
]) {
  test(`an overlay of ${layers} layers, ${why}, shows the top one first and writes to the upper`, () =>
    inFolder((folder) => {
      const lower = make(
        folder,
        Array.from({ length: layers }, (_, index) => `layers/${String(index).padStart(64, '0')}`),
      );
      const [upper = '', work = '', target = ''] = make(folder, ['upper', 'work', 'target']);
      writeFileSync(join(lower[0] ?? '', 'both'), 'top');
      writeFileSync(join(lower.at(-1) ?? '', 'both'), 'bottom');
      writeFileSync(join(lower.at(-1) ?? '', 'only'), 'bottom');
      mountOverlay({ lower, upper, work, target });
      assert.equal(readFileSync(join(target, 'both'), 'utf8'), 'top');
      assert.equal(readFileSync(join(target, 'only'), 'utf8'), 'bottom');
      writeFileSync(join(target, 'new'), 'x');
      assert.ok(existsSync(join(upper, 'new')));
      unmount(target);
      assert.deepEqual(readdirSync(target), []);
    }));
}

test('an overlay without an upper layer is read-only, and odd names need no care', () =>
  inFolder((folder) => {
    const [first = '', second = '', target = ''] = make(folder, ['a:b,c\\d', 'plain', 'target']);
    writeFileSync(join(first, 'f'), '1');
    mountOverlay({ lower: [first, second], target });
    assert.equal(readFileSync(join(target, 'f'), 'utf8'), '1');
    assert.throws(() => writeFileSync(join(target, 'g'), ''), /EROFS/);
  }));

test('a read-only bind reaches what is mounted below', () =>
  inFolder((folder) => {
    const [source = '', below = '', target = ''] = make(folder, ['source', 'source/below', 'target']);
    mount({ source: 'tmpfs', target: below, type: 'tmpfs' });
    bindMount(source, target, { readonly: true });
    assert.throws(() => writeFileSync(join(target, 'f'), ''), /EROFS/);
    assert.throws(() => writeFileSync(join(target, 'below/f'), ''), /EROFS/);
    writeFileSync(join(below, 'f'), '');
    assert.ok(existsSync(join(target, 'below/f')));
  }));

test('a mount becomes read-only with all below', () =>
  inFolder((folder) => {
    const [outer = ''] = make(folder, ['outer']);
    mount({ source: 'tmpfs', target: outer, type: 'tmpfs' });
    const [inner = ''] = make(outer, ['inner']);
    mount({ source: 'tmpfs', target: inner, type: 'tmpfs' });
    makeReadonlyRecursive(outer);
    assert.throws(() => writeFileSync(join(outer, 'f'), ''), /EROFS/);
    assert.throws(() => writeFileSync(join(inner, 'f'), ''), /EROFS/);
  }));

test('a mount point is told from a folder, also when it binds the same file system', () =>
  inFolder((folder) => {
    const [source = '', target = ''] = make(folder, ['source', 'target']);
    assert.deepEqual([isMountPoint(target), isMountPoint(join(folder, 'absent'))], [false, false]);
    bindMount(source, target);
    setPropagation(target, 'private');
    assert.equal(isMountPoint(target), true);
    assert.equal(mountTable().filter(({ mountPoint }) => mountPoint === target).length, 1);
  }));

test('unmounting what is not mounted is EINVAL', () =>
  inFolder((folder) => {
    assert.throws(
      () => unmount(folder),
      (error) => error instanceof SystemCallFailed && error.errno === 'EINVAL' && error.call === 'umount2',
    );
  }));

test('a call that failed names the path that it was about', () =>
  inFolder((folder) => {
    const absent = join(folder, 'absent');
    assert.throws(
      () => bindMount(absent, folder),
      (error: Error) => error.message.includes(`"${absent}"`),
    );
  }));

test('a line of mountinfo is read with its optional fields and escapes', () => {
  const line = '36 35 98:0 /mnt1 /mnt\\0402 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue';
  assert.deepEqual(parseMountTable(`${line}\nnonsense\n`), [
    {
      id: 36,
      parentId: 35,
      device: '98:0',
      root: '/mnt1',
      mountPoint: '/mnt 2',
      options: ['rw', 'noatime'],
      propagation: ['shared:1', 'master:2'],
      type: 'ext3',
      source: '/dev/root',
      superOptions: ['rw', 'errors=continue'],
    },
  ]);
});
