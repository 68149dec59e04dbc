import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { undescribed } from './crio-conf-page.ts';
import { generatedFiles } from './generated.ts';

const fileOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

test('what is made from the program is what lies in docs/; npm run generate:docs writes it anew', async (t) => {
  for (const [path, text] of await generatedFiles())
    await t.test(path, () => {
      assert.equal(readFileSync(fileOf(path), 'utf8'), text, `${path} is stale: npm run generate:docs`);
    });
});

test('every key of crio.conf that the runtime reads is described, and no other', () => {
  const page = readFileSync(fileOf('docs/crio-conf.md'), 'utf8');
  const lacking = page.split('\n').filter((line) => line.includes(undescribed));
  assert.deepEqual(lacking, [], 'give these rows of docs/crio-conf.md a default and a description');
});

test('the man page is one that mandoc and man read without a complaint', () => {
  const page = fileOf('docs/man/berth.1');
  const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', page], { encoding: 'utf8' });
  // It has no date: it is made anew with every change.
  assert.deepEqual(
    stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date')),
    [],
  );
  const shown = execFileSync('mandoc', ['-T', 'ascii', page], { encoding: 'utf8' }).replace(/.\u0008/g, '');
  assert.match(shown, /^ {3}apply\n[\s\S]*--rollback-on-failure/m);
  assert.match(shown, /^EXIT STATUS$/m);
});
