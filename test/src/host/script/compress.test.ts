import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Fail } from '../../../../src/core/fail.ts';
import { compressFile } from '../../../../src/host/script/compress.ts';

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

test('a file is sent when it is what the plan says, and refused when it was damaged since', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-compress-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'file');
  writeFileSync(path, 'good');
  assert.equal(gunzipSync(await compressFile(path, sha256Of('good'))).toString(), 'good');
  writeFileSync(path, 'rotten');
  await assert.rejects(
    compressFile(path, sha256Of('fine')),
    (error) => error instanceof Fail && error.code === 'ChecksumMismatch' && error.message.includes(path),
  );
});
