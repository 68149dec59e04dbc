import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { cached, cachedBlob, cacheFolder, keep, withScratch } from '../../../src/artifacts/cache.ts';

/** Sets variables of the environment for one test. */
const withEnvironment = (t: TestContext, values: Record<string, string | undefined>): void => {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(values)) set(name, value);
  t.after(() => {
    for (const [name, value] of before) set(name, value);
  });
};

const emptyCache = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-cache-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  withEnvironment(t, { BERTH_CACHE: folder });
  return folder;
};

const put = (key: string, text: string) =>
  withScratch(async (folder) => {
    const file = join(folder, 'file');
    writeFileSync(file, text);
    return keep(key, file, 0o644);
  });

test('an empty BERTH_CACHE or XDG_CACHE_HOME means the usual cache, and never the working directory', (t) => {
  withEnvironment(t, { BERTH_CACHE: '', XDG_CACHE_HOME: '', HOME: '/home/ops' });
  assert.equal(cacheFolder(), '/home/ops/.cache/berth');
});

test('a relative XDG_CACHE_HOME is not valid and counts for nothing, as its specification says', (t) => {
  withEnvironment(t, { BERTH_CACHE: undefined, XDG_CACHE_HOME: 'here', HOME: '/home/ops' });
  assert.equal(cacheFolder(), '/home/ops/.cache/berth');
});

test('a file is found by its content, whatever key it was kept under', async (t) => {
  emptyCache(t);
  const kept = await put('one', 'text');
  assert.deepEqual(await cachedBlob(kept.sha256), kept);
  assert.equal(await cachedBlob('0'.repeat(64)), undefined);
});

test('a damaged file is absent under its key and under its digest, and is whole again once it is kept anew', async (t) => {
  emptyCache(t);
  const kept = await put('one', 'text');
  assert.deepEqual(await cachedBlob(kept.sha256), kept);
  writeFileSync(kept.path, 'tent');
  assert.equal(await cached('one'), undefined);
  assert.equal(await cachedBlob(kept.sha256), undefined);
  await put('one', 'text');
  assert.equal(readFileSync((await cachedBlob(kept.sha256))?.path ?? '', 'utf8'), 'text');
});

test('many that keep the same at the same time all end with the whole file', async (t) => {
  const folder = emptyCache(t);
  const text = 'x'.repeat(1 << 20);
  const kept = await Promise.all(Array.from({ length: 16 }, () => put('one', text)));
  assert.equal(new Set(kept.map(({ path }) => path)).size, 1);
  assert.equal(readFileSync(kept[0]?.path ?? '', 'utf8'), text);
  assert.deepEqual(readdirSync(join(folder, 'scratch')), []);
});

test('what a killed berth left in the cache is gone a day later', async (t) => {
  const folder = emptyCache(t);
  for (const name of ['old', 'young']) mkdirSync(join(folder, 'scratch', name), { recursive: true });
  const twoDaysAgo = Date.now() / 1000 - 48 * 3600;
  utimesSync(join(folder, 'scratch', 'old'), twoDaysAgo, twoDaysAgo);
  await withScratch(async () => undefined);
  assert.deepEqual(readdirSync(join(folder, 'scratch')), ['young']);
});
