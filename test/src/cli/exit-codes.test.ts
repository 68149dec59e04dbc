import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { exitCodeOf } from '../../../src/cli/exit-codes.ts';
import { Fail, type FailCode } from '../../../src/core/fail.ts';

const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
const contract = readFileSync(new URL('../../../src/core/fail.ts', import.meta.url), 'utf8');

const isFailCode = (text: string): text is FailCode => contract.includes(`| '${text}'`);

test('docs/cli.md has the exit code of every failure', () => {
  const documented = [...page.matchAll(/^\| (\d+) \|.*?\(([^)]*)\) \|$/gm)].flatMap(([, code, names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => [name, Number(code)] as const),
  );
  const codes = [...contract.matchAll(/^ {2}\| '(\w+)'/gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'Internal');
  assert.deepEqual(documented.map(([name]) => name).sort(), codes.sort());
  for (const [name, code] of documented) {
    assert.ok(isFailCode(name));
    assert.equal(exitCodeOf(new Fail(name, '')), code, name);
  }
});

test('what nobody foresaw is exit code 1', () => {
  assert.equal(exitCodeOf(new Fail('Internal', '')), 1);
});
