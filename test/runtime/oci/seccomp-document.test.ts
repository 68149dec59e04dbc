import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { RUNTIME_DEFAULT } from '../../../runtime/oci/seccomp/runtime-default.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/seccomp.md'), 'utf8');

/** The names in the fenced blocks below a heading of the second or third level, up to the next one of either. */
const namesBelow = (heading: string): readonly string[] => {
  const [, section = ''] = text.split(`${heading}\n`);
  const [own = ''] = section.split(heading.startsWith('### ') ? /^##/m : /^## /m);
  return [...own.matchAll(/```\n([^`]*)```/g)].flatMap(([, names = '']) => names.trim().split(/\s+/));
};

const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();

const rules = RUNTIME_DEFAULT.syscalls ?? [];

test('docs/seccomp.md names every system call that is always allowed, and no other', () => {
  const always = rules.filter(
    ({ action, args, includes, excludes }) =>
      action === 'SCMP_ACT_ALLOW' && args === undefined && includes === undefined && excludes === undefined,
  );
  assert.deepEqual(sorted(namesBelow('## Always')), sorted(always.flatMap(({ names }) => names)));
});

test('docs/seccomp.md names what each capability brings', () => {
  const capabilities = rules.filter(({ includes }) => includes?.caps !== undefined);
  for (const { names, includes } of capabilities)
    assert.deepEqual(namesBelow(`### ${includes?.caps?.[0]}`), sorted(names), includes?.caps?.[0]);
  const headings = [...text.matchAll(/^### (CAP_\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(
    headings,
    capabilities.map(({ includes }) => includes?.caps?.[0]),
  );
});

test('docs/seccomp.md names every system call with a condition', () => {
  const [, table = ''] = text.split('### With conditions\n');
  const [own = ''] = table.split(/^##/m);
  const named = [...own.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );
  const conditional = rules.filter(
    ({ args, includes, excludes }) =>
      includes?.caps === undefined && (args ?? includes ?? excludes) !== undefined,
  );
  assert.deepEqual(sorted(named), sorted(conditional.flatMap(({ names }) => names)));
});
