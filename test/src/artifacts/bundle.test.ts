import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { listBundle, openBundle } from '../../../src/artifacts/bundle/open-bundle.ts';
import {
  type BundleFile,
  type Compression,
  writeBundle,
} from '../../../src/artifacts/bundle/write-bundle.ts';
import { cachedBlob, keep, sha256OfFile, withScratch } from '../../../src/artifacts/cache.ts';
import { formatLock } from '../../../src/artifacts/lock/format-lock.ts';
import type { Lock } from '../../../src/artifacts/lock/lock.ts';
import { commandOutput } from '../../../src/core/command.ts';
import { folderWithCache } from '../../harness/own-cache.ts';

const work = { emit: () => {}, signal: new AbortController().signal };
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const crictl = 'the program crictl '.repeat(9000);

const lock: Lock = {
  version: 1,
  architectures: ['x64'],
  artifacts: {
    'crictl 1.37.0': {
      signature: { kind: 'none', why: 'a test' },
      files: {
        x64: {
          sha256: sha256(crictl),
          bytes: crictl.length,
          from: { go: { module: 'sigs.k8s.io/cri-tools', sum: 'h1:AAAA=', toolchain: 'go1.26.8' } },
        },
      },
    },
  },
  release: {},
};

const member = (path: string, text: string): Promise<BundleFile> =>
  withScratch(async (folder) => {
    const file = join(folder, 'file');
    writeFileSync(file, text);
    return { member: path, ...(await keep(`test-${sha256(text)}`, file, 0o644)) };
  });

const makeBundle = async (
  folder: string,
  contents: Readonly<Record<string, string>> = {},
  compression: Compression = 'zstd',
): Promise<string> => {
  const all = { 'berth.lock': formatLock(lock), 'artifacts/crictl-1.37.0-x64': crictl, ...contents };
  const files = await Promise.all(Object.entries(all).map(([path, text]) => member(path, text)));
  const path = join(folder, 'bundle.tar');
  await writeBundle(path, files, compression, work);
  return path;
};

/** Another machine's cache: nothing of the bundle is in it. */
const elsewhere = (folder: string): void => {
  process.env['BERTH_CACHE'] = join(folder, 'elsewhere');
};

for (const compression of ['zstd', 'gzip', 'none'] as const)
  test(`what was packed with ${compression} comes out as it was, and the same files make the same bytes`, async (t) => {
    const folder = folderWithCache(t, 'bundle');
    const long = `packages/debian-12-x64/${'long-name-'.repeat(8)}_1.0_amd64.deb`;
    const bundle = await makeBundle(folder, { [long]: 'deb', 'release/x64/empty': '' }, compression);
    const digest = await sha256OfFile(bundle);
    await makeBundle(folder, { [long]: 'deb', 'release/x64/empty': '' }, compression);
    assert.equal(await sha256OfFile(bundle), digest);
    elsewhere(folder);
    const opened = await openBundle(bundle, work);
    assert.deepEqual(opened.lock, lock);
    assert.equal(readFileSync(opened.members.get(long)?.path ?? '', 'utf8'), 'deb');
    assert.equal((await cachedBlob(sha256(crictl)))?.bytes, crictl.length);
    const { members } = await listBundle(bundle, work);
    assert.equal(members.length, 4);
  });

test('tar and zstd of the system can read a bundle', async (t) => {
  const folder = folderWithCache(t, 'bundle');
  const bundle = await makeBundle(folder);
  const listed = await commandOutput(['tar', '--zstd', '-tvf', bundle], { signal: work.signal });
  assert.match(listed, /^-rw-r--r-- root\/root +\d+ 1970-01-01 00:00 manifest\.json$/m);
  assert.match(listed, /crictl-1\.37\.0-x64$/m);
});

test('a member that is not what the manifest says is refused, and both sums are named', async (t) => {
  const folder = folderWithCache(t, 'bundle');
  const bundle = await makeBundle(folder, {}, 'gzip');
  const archive = gunzipSync(readFileSync(bundle)).toString('latin1');
  writeFileSync(
    bundle,
    gzipSync(Buffer.from(archive.replace(/(crictl the program )crictl/, '$1cricti'), 'latin1')),
  );
  elsewhere(folder);
  await assert.rejects(openBundle(bundle, work), (error: Error & { code: string }) => {
    assert.equal(error.code, 'ChecksumMismatch');
    assert.match(error.message, /artifacts\/crictl-1\.37\.0-x64 has sha256 [0-9a-f]{64}; its manifest has /);
    assert.ok(error.message.includes(sha256(crictl)));
    return true;
  });
});

test('a bundle whose manifest was changed along with a member is refused by its lock', async (t) => {
  const folder = folderWithCache(t, 'bundle');
  const bundle = await makeBundle(folder, { 'artifacts/crictl-1.37.0-x64': 'another program' });
  elsewhere(folder);
  await assert.rejects(openBundle(bundle, work), {
    code: 'ChecksumMismatch',
    message: new RegExp(`has sha256 ${sha256('another program')}; its lock has ${sha256(crictl)}`),
  });
});

test('a bundle that lacks something of its lock says what', async (t) => {
  const folder = folderWithCache(t, 'bundle');
  const files = [await member('berth.lock', formatLock(lock))];
  const path = join(folder, 'bundle.tar');
  await writeBundle(path, files, 'zstd', work);
  await assert.rejects(openBundle(path, work), { code: 'Fetch', message: /names crictl 1\.37\.0 for x64/ });
});

test('a bundle that was cut off, and a file that is none, are told apart from a good one', async (t) => {
  const folder = folderWithCache(t, 'bundle');
  const bundle = await makeBundle(folder);
  const whole = readFileSync(bundle);
  elsewhere(folder);
  for (const [what, content] of [
    ['cut off', whole.subarray(0, whole.length - 40)],
    ['cut off inside the archive', zstdCompressSync(zstdDecompressSync(whole).subarray(0, 4000))],
    ['a text', Buffer.from('hello\n'.repeat(400))],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    writeFileSync(bundle, content);
    await assert.rejects(
      openBundle(bundle, work),
      { code: 'Fetch', message: /no bundle of berth, or a damaged one/ },
      what,
    );
  }
  await assert.rejects(openBundle(join(folder, 'nowhere'), work), { code: 'BadUsage' });
});

test('a path that leaves the folder is refused', async (t) => {
  const folder = folderWithCache(t, 'bundle');
  const bundle = await makeBundle(folder, { '../outside': 'x' });
  await assert.rejects(openBundle(bundle, work), { code: 'Fetch', message: /leaves its folder/ });
});
