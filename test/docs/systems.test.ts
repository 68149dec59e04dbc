import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';

const checkout = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(checkout, 'docs/systems.md'), 'utf8');
const scripts = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')).scripts;

/** Cells of each row of the table. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .slice(1);

test('each system has its state, what shows it, and what was seen', () => {
  assert.ok(rows.length >= 23);
  for (const [system, state = '', shown, seen, ...rest] of rows) {
    assert.match(state, /^works/, system);
    assert.ok(shown && seen, system);
    assert.equal(rest.length, 1, system);
  }
  assert.equal(new Set(rows.map(([system]) => system)).size, rows.length);
});

test('what shows a system is there', () => {
  for (const [system, , shown = ''] of rows)
    for (const [, name = ''] of shown.matchAll(/`([^`]+)`/g)) {
      const script = /^npm run (\S+)$/.exec(name)?.[1];
      if (script !== undefined) assert.ok(script in scripts, `${system}: ${name}`);
      else if (name.startsWith('test/')) assert.ok(existsSync(join(checkout, name)), `${system}: ${name}`);
    }
});
