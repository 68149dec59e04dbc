import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { folderSize } from '../../../runtime/resources/usage/folder-size.ts';
import { createPaced } from '../../../runtime/resources/usage/paced.ts';

const temporary = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-size-'));
  // rm(1) goes down any depth, as rmSync does not.
  t.after(() => execFileSync('rm', ['-rf', folder]));
  return folder;
};

/** What du(1) says: bytes in blocks, and inodes. */
const du = (folder: string) => {
  const ask = (...args: string[]) =>
    Number(execFileSync('du', ['-s', ...args, folder], { encoding: 'utf8' }).split('\t')[0]);
  return { bytes: ask('--block-size=1'), inodes: ask('--inodes') };
};

test('a folder is as large as du says, with names of any bytes and files of two names', async (t) => {
  const folder = temporary(t);
  mkdirSync(join(folder, 'a/b/c'), { recursive: true });
  writeFileSync(join(folder, 'a/one'), Buffer.alloc(100_000, 1));
  writeFileSync(join(folder, 'a/b/c/two'), Buffer.alloc(50_000, 1));
  linkSync(join(folder, 'a/one'), join(folder, 'a/b/again'));
  const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x80, 0x20])]);
  mkdirSync(odd);
  writeFileSync(Buffer.concat([odd, Buffer.from('/\xe9\x0a', 'latin1')]), Buffer.alloc(200_000, 1));
  mkdirSync(join(folder, 'größe'));
  writeFileSync(join(folder, 'größe/drei'), Buffer.alloc(10_000, 1));
  assert.deepEqual(await folderSize(folder), du(folder));
});

test('no symbolic link leads out of the folder', async (t) => {
  const [folder, outside] = [temporary(t), temporary(t)];
  writeFileSync(join(outside, 'large'), Buffer.alloc(1_000_000, 1));
  symlinkSync(outside, join(folder, 'out'));
  symlinkSync('/', join(folder, 'root'));
  symlinkSync('..', join(folder, 'up'));
  symlinkSync('loop', join(folder, 'loop'));
  assert.deepEqual(await folderSize(folder), du(folder));
});

test('a folder deeper than a path may be long is counted to its ground', async (t) => {
  const folder = temporary(t);
  const home = process.cwd();
  try {
    process.chdir(folder);
    for (let depth = 0; depth < 60; depth += 1) {
      mkdirSync('n'.repeat(200));
      process.chdir('n'.repeat(200));
    }
    writeFileSync('ground', Buffer.alloc(300_000, 1));
  } finally {
    process.chdir(home);
  }
  assert.deepEqual(await folderSize(folder), du(folder));
});

test('a folder that is not there takes nothing', async (t) => {
  assert.deepEqual(await folderSize(join(temporary(t), 'gone')), { bytes: 0, inodes: 0 });
});

test('what comes and goes meanwhile does no harm', async (t) => {
  const folder = temporary(t);
  const outside = temporary(t);
  for (let n = 0; n < 300; n += 1) {
    mkdirSync(join(folder, `d${n}`));
    writeFileSync(join(folder, `d${n}`, 'file'), 'x');
  }
  writeFileSync(join(outside, 'large'), Buffer.alloc(1_000_000, 1));
  const measuring = folderSize(folder);
  // The first slice has run. Folders become links to another place, or nothing.
  for (const [index, name] of readdirSync(folder).entries()) {
    rmSync(join(folder, name), { recursive: true });
    if (index % 2 === 0) symlinkSync(outside, join(folder, name));
  }
  const { bytes } = await measuring;
  assert.ok(bytes < 300 * 2 * 4096 + 65_536, `${bytes} bytes`);
});

const soon = () => performance.now() + 5000;
const never = () => assert.fail('nothing goes wrong here');

test('a figure is found out once in its period, and told meanwhile', async () => {
  let looks = 0;
  const paced = createPaced({
    periodMs: 60_000,
    measure: async (subject: string) => {
      looks += 1;
      return `${subject} ${looks}`;
    },
    onError: never,
  });
  assert.equal(await paced.of('a', 'first', soon()), 'first 1');
  assert.equal(await paced.of('a', 'second', soon()), 'first 1');
  assert.equal(await paced.of('b', 'other', soon()), 'other 2');
  paced.retain(new Set(['b']));
  assert.equal(await paced.of('a', 'third', soon()), 'third 3', 'forgotten');
});

test('a look that takes long is not waited for, and is repeated the later', async () => {
  const slow = Promise.withResolvers<number>();
  let looks = 0;
  const paced = createPaced({
    periodMs: 0,
    measure: (subject: string) => {
      if (subject === 'a') looks += 1;
      return slow.promise;
    },
    onError: never,
  });
  const began = performance.now();
  for (const id of ['a', 'a', 'b', 'c'])
    assert.equal(await paced.of(id, id, began + 40), undefined, 'all share one moment');
  const waited = performance.now() - began;
  assert.ok(waited >= 39 && waited < 1000, `${waited} ms`);
  slow.resolve(7);
  assert.equal(await paced.of('a', 'a', soon()), 7);
  assert.equal(await paced.of('a', 'a', soon()), 7);
  assert.equal(looks, 1, 'it took 40 ms, so the next begins after 800 at the earliest');
});

test('one subject is measured at a time, and a failure is told and tried again', async () => {
  let [running, most, fails] = [0, 0, true];
  const errors: string[] = [];
  const paced = createPaced({
    periodMs: 0,
    measure: async (subject: string) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      if (subject === 'bad' && fails) throw new Error('disk on fire');
      return subject;
    },
    onError: (id, error) => errors.push(`${id}: ${String(error)}`),
  });
  const subjects = ['a', 'b', 'bad', 'c'];
  assert.deepEqual(await Promise.all(subjects.map((one) => paced.of(one, one, soon()))), [
    'a',
    'b',
    undefined,
    'c',
  ]);
  assert.equal(most, 1);
  assert.deepEqual(errors, ['bad: Error: disk on fire']);
  fails = false;
  for (const deadline = Date.now() + 5000; (await paced.of('bad', 'bad', soon())) === undefined; )
    if (Date.now() > deadline) assert.fail('it is never tried again');
});
