import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { createAttachments } from '../../../runtime/network/attachments.ts';

test('a record that is damaged, or of another version, is told by its file and may be removed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-attachments-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const attachments = createAttachments(folder);
  const file = join(folder, 'pod.json');
  for (const text of ['', '{"version":1', '{"version":2}']) {
    writeFileSync(file, text);
    assert.throws(() => attachments.read('pod'), { code: 'DataLoss', message: new RegExp(file) });
  }
  attachments.remove('pod');
  assert.equal(attachments.read('pod'), undefined);
  assert.deepEqual(readdirSync(folder), []);
});
