import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { promisify } from 'node:util';
import { sha256OfFile } from '../../../src/artifacts/cache.ts';
import { buildRelease } from '../../../src/artifacts/release/build.ts';

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
