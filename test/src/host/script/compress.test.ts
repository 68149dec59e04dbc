import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gunzipSync } from 'node:zlib';
import { commandOutput } from '../../../../src/core/command.ts';
import { Fail } from '../../../../src/core/fail.ts';
import { compressFile } from '../../../../src/host/script/compress.ts';
import { folderWithCache } from '../../../harness/own-cache.ts';

const sha256Of = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

test('a file is sent when it is what the plan says, and refused when it was damaged since', async (t) => {
  const path = join(folderWithCache(t, 'compress'), 'file');
  writeFileSync(path, 'good');
  assert.equal(gunzipSync((await compressFile(path, sha256Of('good'), 'gzip')).bytes).toString(), 'good');
  writeFileSync(path, 'rotten');
  await assert.rejects(
    compressFile(path, sha256Of('fine'), 'gzip'),
    (error) => error instanceof Fail && error.code === 'ChecksumMismatch' && error.message.includes(path),
  );
});

test('an empty file has a form that can be sent', async (t) => {
  const path = join(folderWithCache(t, 'compress'), 'file');
  writeFileSync(path, '');
  assert.equal(gunzipSync((await compressFile(path, sha256Of(''), 'gzip')).bytes).length, 0);
});

for (const [encoding, readers] of [
  [
    'gzip',
    [
      ['gzip', '-dc'],
      ['busybox', 'gunzip', '-c'],
    ],
  ],
  ['zstd', [['zstd', '-dc']]],
] as const)
  test(`a large file is sent in parts that ${encoding} reads as one, and its form is kept`, async (t) => {
    const folder = folderWithCache(t, 'compress');
    const path = join(folder, 'file');
    const content = Buffer.concat([randomBytes(5 << 20), Buffer.alloc(5 << 20, 'text ')]);
    writeFileSync(path, content);
    const sent = join(folder, 'sent');
    const { bytes, sha256 } = await compressFile(path, sha256Of(content), encoding);
    writeFileSync(sent, bytes);
    assert.equal(sha256, sha256Of(bytes));
    assert.ok(bytes.length < 6 << 20);
    for (const reader of readers) {
      const sum = await commandOutput(['sh', '-c', `${reader.join(' ')} < "$1" | sha256sum`, 'sh', sent], {
        signal: t.signal,
      });
      assert.equal(sum.slice(0, 64), sha256Of(content));
    }
    const [kept = ''] = readdirSync(join(folder, 'cache/sha256'));
    assert.deepEqual(readFileSync(join(folder, 'cache/sha256', kept)), bytes);
  });

for (const encoding of ['gzip', 'zstd'] as const)
  test(`a kept form of something else is made again (${encoding})`, async (t) => {
    const folder = folderWithCache(t, 'compress');
    const path = join(folder, 'file');
    const [content, other] = [randomBytes(2 << 20), randomBytes(2 << 20)];
    writeFileSync(path, other);
    const wrong = await compressFile(path, sha256Of(other), encoding);
    const references = join(folder, 'cache/references');
    const [reference = ''] = readdirSync(references).filter((name) => name.includes(sha256Of(other)));
    cpSync(
      join(references, reference),
      join(references, reference.replace(sha256Of(other), sha256Of(content))),
    );
    writeFileSync(path, content);
    const { bytes } = await compressFile(path, sha256Of(content), encoding);
    assert.notDeepEqual(bytes, wrong.bytes);
  });
