import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { secretReader } from '../../../src/cli/secrets.ts';
import { CommandFailed, Fail } from '../../../src/core/fail.ts';
import { Secret, scrub } from '../../../src/core/secret.ts';
import { scrubbedFailure } from '../../../src/faces/scrubbed.ts';
import type { SecretSource } from '../../../src/profile/profile.ts';

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-secret-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const read = async (source: SecretSource, signal = AbortSignal.timeout(30_000)): Promise<string> => {
  const secret = secretReader([], { signal, mayAsk: false, suspend: (task) => task() });
  return (await secret(source, 'password of node-1')).reveal();
};

const refusal = async (source: SecretSource): Promise<Fail> => {
  try {
    await read(source);
  } catch (error) {
    assert.ok(error instanceof Fail, String(error));
    return error;
  }
  throw new Error('the secret was read');
};

const keyIn = (folder: string): { readonly identity: string; readonly recipient: string } => {
  const identity = join(folder, 'key.txt');
  execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' });
  return { identity, recipient: /public key: (\S+)/.exec(readFileSync(identity, 'utf8'))?.[1] ?? '' };
};

/** The given programs and nothing else are on the search path, until the test ends. */
const onlyPrograms = (t: TestContext, folder: string): void => {
  const { PATH } = process.env;
  t.after(() => {
    process.env['PATH'] = PATH;
  });
  process.env['PATH'] = folder;
};

test('a secret from a program is what it prints, without the last newline; it runs in the folder of the file', async (t) => {
  const folder = folderFor(t);
  const program = join(folder, 'give');
  writeFileSync(program, '#!/bin/sh\nprintf "%s in %s\\nsecond line\\n" "$1" "$PWD"\n');
  chmodSync(program, 0o755);
  assert.equal(
    await read({ kind: 'command', argv: ['./give', 'a b'], folder }),
    `a b in ${folder}\nsecond line`,
  );
});

test('a program that fails, is missing or says nothing is told with the remedy, and without what it printed', async (t) => {
  const folder = folderFor(t);
  const command = (...argv: string[]) => refusal({ kind: 'command', argv, folder });
  const failed = await command('sh', '-c', 'echo hunter2; echo "vault is sealed" >&2; exit 3');
  assert.match(failed.message, /^password of node-1: sh does not give out .*exit code 3: vault is sealed$/);
  assert.match(failed.hint ?? '', /run it by hand/);
  assert.doesNotMatch(inspect(failed, { depth: 5 }), /hunter2/);
  const missing = await command('no-such-program-of-berth', 'x');
  assert.match(missing.message, /no-such-program-of-berth, which gives out .*, is not on this machine/);
  const silent = await command('true');
  assert.match(silent.message, /the output of true is empty/);
});

test('a secret in a file of age is decrypted by the real age, and a wrong identity is named', async (t) => {
  const folder = folderFor(t);
  const { identity, recipient } = keyIn(folder);
  const path = join(folder, 'password.age');
  execFileSync('age', ['-r', recipient, '-o', path], { input: 'swordfish 1\n' });
  assert.equal(await read({ kind: 'age', path, identity }), 'swordfish 1');
  mkdirSync(join(folder, 'other'));
  const other = keyIn(join(folder, 'other')).identity;
  const wrong = await refusal({ kind: 'age', path, identity: other });
  assert.match(wrong.message, /age does not give out .*password\.age: exit code 1: .*no identity matched/);
  assert.ok(wrong.hint?.includes(other), wrong.hint);
  const none = await refusal({ kind: 'age', path, identity: join(folder, 'none.txt') });
  assert.match(none.message, /none\.txt.*cannot be read/);
});

test('a machine without age is told how it gets there', async (t) => {
  const folder = folderFor(t);
  const { identity, recipient } = keyIn(folder);
  const path = join(folder, 'password.age');
  execFileSync('age', ['-r', recipient, '-o', path], { input: 'x' });
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  for (const name of ['bash', 'sh']) symlinkSync(`/bin/${name}`, join(programs, name));
  onlyPrograms(t, programs);
  const error = await refusal({ kind: 'age', path, identity });
  assert.match(error.message, /age, which gives out .*password\.age, is not on this machine/);
  assert.match(error.hint ?? '', /install age/);
});

const sops = process.env['BERTH_TEST_SOPS'];

test('a value in a file of SOPS is decrypted by the real sops', {
  skip: sops === undefined && 'BERTH_TEST_SOPS names no sops; npm test builds one',
}, async (t) => {
  const folder = folderFor(t);
  const { identity, recipient } = keyIn(folder);
  const path = join(folder, 'secrets.yaml');
  writeFileSync(
    path,
    'registries:\n  - { name: a, password: first }\n  - { name: b, password: "it\'s second" }\n',
  );
  execFileSync(sops ?? '', ['--encrypt', '--in-place', '--age', recipient, path], { stdio: 'ignore' });
  assert.doesNotMatch(readFileSync(path, 'utf8'), /second/);
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  symlinkSync(sops ?? '', join(programs, 'sops'));
  onlyPrograms(t, `${programs}:${process.env['PATH']}`);
  const before = process.env['SOPS_AGE_KEY_FILE'];
  process.env['SOPS_AGE_KEY_FILE'] = identity;
  t.after(() => {
    if (before === undefined) delete process.env['SOPS_AGE_KEY_FILE'];
    else process.env['SOPS_AGE_KEY_FILE'] = before;
  });
  assert.equal(await read({ kind: 'sops', path, key: 'registries.1.password' }), "it's second");
  const error = await refusal({ kind: 'sops', path, key: 'registries.1.pass' });
  assert.match(error.message, /sops does not give out registries\.1\.pass in .*secrets\.yaml/);
  assert.doesNotMatch(inspect(error, { depth: 5 }), /second/);
});

test('a secret shows as dots however it is looked at', () => {
  const secret = new Secret('correct horse');
  assert.equal(secret.reveal(), 'correct horse');
  for (const shown of [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }),
    inspect(secret, { showHidden: true, depth: 9 }),
    Object.values({ ...secret }).join(),
  ])
    assert.doesNotMatch(shown, /correct|horse/);
});

test('what was read is masked in every form in which it could be printed', () => {
  const value = 'p4ss"wörd $x\'y';
  new Secret(value);
  new Secret('first line of a key\nsecond line of a key');
  for (const text of [
    `the password is ${value}!`,
    JSON.stringify({ text: value }),
    `echo ${`'${value.replaceAll("'", String.raw`'\''`)}'`}`,
    `https://ops:${encodeURIComponent(value)}@example`,
    Buffer.from(value).toString('base64'),
    'log: second line of a key',
  ]) {
    const shown = scrub(text);
    assert.match(shown, /•••/, text);
    assert.doesNotMatch(shown, /p4ss|second line|cDRzc/);
  }
  assert.equal(scrub('nothing of it'), 'nothing of it');
});

test('an error that holds a secret is told without it, wherever it is', () => {
  new Secret('leaked-value-1');
  const cause = new Fail('Internal', 'because of leaked-value-1', {
    context: { deep: [{ a: 'x leaked-value-1' }] },
  });
  const error = new CommandFailed(
    'leaked-value-1 failed',
    { argv: ['echo', 'leaked-value-1'], exitCode: 1, stdout: 'leaked-value-1', stderr: 'leaked-value-1' },
    { hint: 'do not use leaked-value-1', cause },
  );
  const clean = scrubbedFailure(error);
  assert.ok(clean instanceof CommandFailed);
  assert.equal(clean.code, error.code);
  assert.doesNotMatch(inspect(clean, { depth: 9 }) + clean.stack + JSON.stringify(clean), /leaked-value-1/);
  assert.equal(scrubbedFailure(error), clean);
});
