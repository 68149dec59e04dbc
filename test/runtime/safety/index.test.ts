import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';

const RUNTIME_TESTS = join(import.meta.dirname, '..');

/** `file`: a part of the name of a test in it. */
const testsIn = (cell: string): readonly (readonly [string, string])[] =>
  cell.split(' · ').map((entry) => {
    const [, file, name] = /^`([^`]+)`: (.+)$/.exec(entry.trim()) ?? [];
    assert.ok(file !== undefined && name !== undefined, `${entry} does not name a test`);
    return [file, name];
  });

test('each class of vulnerabilities has the tests that the table names', () => {
  const table = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2);
  assert.ok(rows.length >= 17, `${rows.length} classes`);
  for (const row of rows) {
    const [, , , tests = ''] = row.split('|');
    for (const [file, name] of testsIn(tests))
      assert.ok(
        readFileSync(join(RUNTIME_TESTS, file), 'utf8').includes(name),
        `${file} has no test “${name}”`,
      );
  }
});
