import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { assertTestsExist, rowsOfTable } from '../../harness/table-of-tests.ts';

test('each class of vulnerabilities has the tests that the table names', () => {
  const rows = rowsOfTable(readFileSync(join(import.meta.dirname, 'README.md'), 'utf8'));
  assert.ok(rows.length >= 17, `${rows.length} classes`);
  for (const [, , tests = ''] of rows) assertTestsExist(join(import.meta.dirname, '..'), tests);
});
