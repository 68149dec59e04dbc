import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { sha256OfFile } from '../../../src/artifacts/cache.ts';
import { buildRelease, type Release } from '../../../src/artifacts/release/build.ts';

const run = promisify(execFile);
const work = { emit: () => {}, signal: new AbortController().signal };
const own = process.arch === 'arm64' ? 'arm64' : 'x64';
const other = own === 'x64' ? 'arm64' : 'x64';
const names = ['berth-pull.mjs', 'berth-shim.mjs', 'berthd.mjs', 'koffi.node', 'node'];

let folder: string;
let cache: string | undefined;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-release-'));
  cache = process.env['BERTH_CACHE'];
  process.env['BERTH_CACHE'] = join(folder, 'cache');
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
  if (cache === undefined) delete process.env['BERTH_CACHE'];
  else process.env['BERTH_CACHE'] = cache;
});

test('a release has the pinned node, its programs, and equal bytes whenever it is built', async () => {
  const first = await buildRelease(own, work);
  assert.deepEqual(first.files.map(({ name }) => name).sort(), names);
  for (const { path, sha256 } of first.files) assert.equal(await sha256OfFile(path), sha256);
  const node = first.files.find(({ name }) => name === 'node');
  const pinned = resolve(import.meta.dirname, `../../../node_modules/node-linux-${own}/bin/node`);
  assert.equal(node?.sha256, await sha256OfFile(pinned));
  process.env['BERTH_CACHE'] = join(folder, 'second-cache');
  assert.deepEqual((await buildRelease(own, work)).version, first.version);
  process.env['BERTH_CACHE'] = join(folder, 'cache');
});

test('the programs of a release run with nothing but the release folder', async () => {
  const { files } = await buildRelease(own, work);
  const release = mkdtempSync(join(folder, 'installed-'));
  for (const { name, path } of files) copyFileSync(path, join(release, name));
  const loads = `
    const { createRequire } = await import('node:module');
    const koffi = createRequire(${JSON.stringify(`${release}/berthd.mjs`)})('./koffi.node');
    console.log(koffi.load('libc.so.6').func('getpid', 'int', [])() === process.pid);`;
  const { stdout } = await run(join(release, 'node'), ['--input-type=module', '--eval', loads], { cwd: '/' });
  assert.equal(stdout.trim(), 'true');
  for (const program of names.filter((name) => name.endsWith('.mjs')))
    await run(join(release, 'node'), ['--check', join(release, program)], { cwd: '/' });
});

test('the release of the other architecture is checked against the lock file', async () => {
  const { files, version } = await buildRelease(other, work);
  assert.deepEqual(files.map(({ name }) => name).sort(), names);
  for (const name of ['node', 'koffi.node']) {
    const file = files.find((each) => each.name === name);
    assert.equal(readFileSync(file?.path ?? '').readUInt16LE(18), other === 'arm64' ? 183 : 62, name);
  }
  assert.notEqual(version, (await buildRelease(own, work)).version);
});

const checkout = resolve(import.meta.dirname, '../../..');

/** A checkout of its own, whose sources may be changed. */
const copyOfCheckout = (): string => {
  const root = mkdtempSync(join(folder, 'checkout-'));
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'runtime'])
    cpSync(join(checkout, name), join(root, name), { recursive: true });
  symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'));
  return root;
};

/** A file that is made again is moved into the cache again, which its time of change tells. */
const keptAt = ({ files }: Release, name: string): number =>
  statSync(files.find((file) => file.name === name)?.path ?? '').ctimeMs;

test('a release whose sources are at rest is not compiled again, and every change gives a new one', async () => {
  const root = copyOfCheckout();
  await pause(2500);
  const first = await buildRelease(own, work, root);
  const kept = keptAt(first, 'berthd.mjs');
  const second = await buildRelease(own, work, root);
  assert.equal(second.version, first.version);
  assert.equal(keptAt(second, 'berthd.mjs'), kept);

  const source = join(root, 'runtime/berthd.ts');
  const { atime, mtime } = statSync(source);
  const text = readFileSync(source, 'utf8');
  const change = `process.title = 'one';\n`;
  writeFileSync(source, text + change);
  const third = await buildRelease(own, work, root);
  assert.notEqual(third.version, first.version);

  // Of the same size and with the time stamp set back, at once and after a rest.
  for (const [word, rest] of [
    ['two', 0],
    ['six', 2500],
  ] as const) {
    await pause(rest);
    const before = await buildRelease(own, work, root);
    writeFileSync(source, text + change.replace('one', word));
    utimesSync(source, atime, mtime);
    assert.notEqual((await buildRelease(own, work, root)).version, before.version, word);
  }

  writeFileSync(source, text);
  assert.equal((await buildRelease(own, work, root)).version, first.version);
});

test('a bundle that was damaged in the cache is made again', async () => {
  const root = copyOfCheckout();
  await pause(2500);
  const { version, files } = await buildRelease(own, work, root);
  const path = files.find(({ name }) => name === 'berth-shim.mjs')?.path ?? '';
  await pause(2500);
  await buildRelease(own, work, root);
  const { atime, mtime } = statSync(path);
  const bytes = readFileSync(path);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  utimesSync(path, atime, mtime);
  const again = await buildRelease(own, work, root);
  assert.equal(again.version, version);
  for (const file of again.files) assert.equal(await sha256OfFile(file.path), file.sha256);
});
