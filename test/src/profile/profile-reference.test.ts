import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import { profileReference, undescribed } from './profile-reference.ts';

const page = readFileSync(new URL('../../../docs/profile.md', import.meta.url), 'utf8');

test('docs/profile.md has every key of the schema, with its kind, default and description', () => {
  assert.deepEqual(undescribed(), []);
  const [, table] = page.split('## Every key\n\n');
  assert.equal(table, profileReference());
});

test('each profile in docs/profile.md is valid', () => {
  const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  assert.ok(examples.length >= 3);
  for (const text of examples) parseProfile(text, 'docs/profile.md');
});
