import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import { profileReference, undescribed } from './profile-reference.ts';

const page = readFileSync(new URL('../../../docs/profile.md', import.meta.url), 'utf8');

test('docs/profile.md has every key of the schema, with its kind, default and description', () => {
  assert.deepEqual(undescribed(), []);
  const [, table] = page.split('## Every key\n\n');
  assert.equal(table, profileReference());
});

test('each profile in docs/profile.md is valid', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-docs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  process.env['REGION'] = 'eu';
  t.after(() => delete process.env['REGION']);
  const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  assert.ok(examples.length >= 3);
  for (const text of examples) {
    const file = join(folder, 'profile.yaml');
    writeFileSync(file, text);
    await loadProfile(file);
  }
});
