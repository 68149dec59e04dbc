import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
  // It has no date: nothing that it is made from knows one.
  assert.deepEqual(
    stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date')),
    [],
  );
  const shown = execFileSync('mandoc', ['-T', 'ascii', page], { encoding: 'utf8' }).replace(/.\u0008/g, '');
  assert.match(shown, /^ {3}apply\n[\s\S]*--rollback-on-failure/m);
  assert.match(shown, /^EXIT STATUS\n {7}0 [\s\S]*\n {7}1 [\s\S]*\n {7}2 /m);
  assert.doesNotMatch(shown, /\\-/, 'an escape of roff is shown');
});

test('no line of the man page is wider than a terminal of 80 columns, its indentation included', () => {
  const page = fileOf('docs/man/berth.1');
  const ran = execFileSync('mandoc', ['-T', 'utf8', '-O', 'width=80', page], { encoding: 'utf8' });
  const shown = ran.replace(/.\u0008/g, '').split('\n');
  assert.ok(shown.length > 300);
  assert.deepEqual(
    shown.filter((line) => line.length > 80),
    [],
  );
});

/** Between berth and the program that ssh asks, and between berth and what starts it: nobody else sets them. */
const internal = ['BERTH_ASKPASS', 'BERTH_STARTED_AS'];

test('each variable of the environment that is berth alone is in the man page and in docs/cli.md', () => {
  const source = readdirSync(fileOf('src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(fileOf('src'), name), 'utf8'))
    .join('\n');
  const names = new Set(
    [...source.matchAll(/\b(?:BERTH|INK)_[A-Z_]+[A-Z]\b/g)]
      .map(([name]) => name)
      .filter((name) => !internal.includes(name)),
  );
  assert.ok(names.size >= 4);
  const table =
    readFileSync(fileOf('docs/cli.md'), 'utf8').split('## Environment')[1]?.split('\n## ')[0] ?? '';
  const manual = readFileSync(fileOf('docs/man/berth.1'), 'utf8');
  for (const name of names) {
    assert.ok(table.includes(`\`${name}\``), `docs/cli.md lacks ${name}`);
    assert.ok(manual.includes(`\\fB${name}\\fP`), `the man page lacks ${name}`);
  }
});
