import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { encodeLine, quoteAll } from '../../../src/host/quote.ts';

const odd = [
  '',
  ' ',
  "it's",
  '"double"',
  '$HOME `id` $(id)',
  'back\\slash \\n \\\\ \\0101',
  'two\nlines\n',
  '*?[a]{b,c}~',
  '-n',
  'é ü 漢字',
  '\t\r',
  '!history',
];

for (const shell of [
  ['dash', '-c'],
  ['bash', '-c'],
  ['busybox', 'sh', '-c'],
]) {
  const [program = '', ...flags] = shell;

  test(`${shell.slice(0, -1).join(' ')} gets exactly the words that were quoted`, () => {
    const script = `for word in ${quoteAll(odd)}; do printf '%s\\000' "$word"; done`;
    const output = execFileSync(program, [...flags, script], { encoding: 'utf8' });
    assert.deepEqual(output.split('\0').slice(0, -1), odd);
  });

  test(`${shell.slice(0, -1).join(' ')} turns an encoded line back into the text`, () => {
    const text = odd.join('|');
    const script = 'IFS= read -r line; printf %b "$line"; printf "<%s>" "$(cat)"';
    const output = execFileSync(program, [...flags, script], {
      encoding: 'utf8',
      input: `${encodeLine(text)}\nthe rest`,
    });
    assert.equal(output, `${text}<the rest>`);
  });
}
