import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { runBerth } from './run-berth.ts';

const folder = new URL('bad-profiles/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length));

// Each bad-profiles/NAME.yaml has the whole answer that a user gets beside it, in NAME.txt.
test('every bad profile is answered with all of its problems, at their places', async (t) => {
  assert.ok(names.length >= 30, `only ${names.length} bad profiles were found`);
  const ran = await runBerth(['validate', ...names.map((name) => `${name}.yaml`)], { cwd: folder });
  assert.equal(ran.stdout, '');
  assert.equal(ran.exitCode, 10);
  // Where the files lie is not the same on every machine.
  let rest = ran.stderr.replaceAll(fileURLToPath(folder), '');
  for (const name of names)
    await t.test(name, () => {
      const wanted = readFileSync(new URL(`${name}.txt`, folder), 'utf8');
      assert.equal(rest.slice(0, wanted.length), wanted);
      rest = rest.slice(wanted.length);
    });
  assert.equal(rest, '');
});

test('one bad profile among good ones decides the exit code', async () => {
  const good = new URL('../../../profiles/quickstart.yaml', import.meta.url).pathname;
  const ran = await runBerth(['validate', 'versions.yaml', good], { cwd: folder });
  assert.match(ran.stdout, /quickstart\.yaml: valid, one host/);
  assert.match(ran.stderr, /versions\.yaml: one problem/);
  assert.equal(ran.exitCode, 10);
});

test('a missing profile is named, with exit code 10', async () => {
  const ran = await runBerth(['validate', 'no-such-file.yaml'], { cwd: folder });
  assert.match(ran.stderr, /cannot read the profile no-such-file\.yaml: there is no such file/);
  assert.equal(ran.exitCode, 10);
});

test('a folder in place of a profile is named as one', async () => {
  const ran = await runBerth(['validate', '.'], { cwd: folder });
  assert.match(ran.stderr, /cannot read the profile \.: it is a folder/);
  assert.equal(ran.exitCode, 10);
});

test('the profiles that we ship are valid', async () => {
  const profiles = new URL('../../../profiles/', import.meta.url);
  const shipped = readdirSync(profiles).filter((name) => name.endsWith('.yaml'));
  assert.ok(shipped.includes('quickstart.yaml'));
  const ran = await runBerth(['validate', ...shipped], { cwd: profiles });
  assert.equal(ran.stderr, '');
  const said = ran.stdout.replaceAll(/valid, \d+ hosts/g, 'valid, one host');
  assert.equal(said, shipped.map((name) => `${name}: valid, one host\n`).join(''));
  assert.equal(ran.exitCode, 0);
});

test('with --json each problem is data', async () => {
  const ran = await runBerth(['validate', '--json', 'versions.yaml'], { cwd: folder });
  const lines = ran.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(lines[1].kind, 'failed');
  assert.equal(lines[1].error.code, 'BadProfile');
  assert.equal(lines[1].error.context.problems[0].line, 3);
  assert.deepEqual(lines.at(-1), { kind: 'ended', exitCode: 10 });
  assert.equal(ran.stderr, '');
  assert.equal(ran.exitCode, 10);
});

test('a value for a variable that the profile does not have is refused, with the nearest one', async () => {
  const ran = await runBerth(['validate', 'versions.yaml', '--set', 'regoin=eu'], { cwd: folder });
  assert.equal(ran.exitCode, 10);
  assert.match(
    ran.stderr,
    /--set names regoin, which is no variable of versions\.yaml \[BadUsage\]\nhint: it has none/,
  );
});
