import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { embeddedBase, embeddedTestFolder, machineState, tracesOf } from '../../harness/embedded.ts';

const checkout = resolve(import.meta.dirname, '../../..');
const folder = join(checkout, '.berth', 'quickstart');
const run = promisify(execFile);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As `npm run quickstart` runs it, with a folder of its own and artifacts that stay from run to run. */
const quickstart = async (...args: string[]): Promise<Outcome> => {
  const env = {
    ...process.env,
    BERTH_QUICKSTART_FOLDER: folder,
    BERTH_CACHE: join(checkout, '.berth', 'cache'),
  };
  const script = join(checkout, 'src/cli/quickstart.sh');
  return run('sh', [script, ...args], { env, cwd: '/', maxBuffer: 1 << 26 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Outcome) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
  );
};

/** Making the root file system is tested elsewhere; its files are linked, so that removing them is real. */
const seedBase = async (): Promise<void> => {
  await embeddedBase();
  mkdirSync(folder, { recursive: true });
  await run('cp', ['--archive', '--link', join(embeddedTestFolder, 'base'), folder]);
};

/** Without what differs from run to run and from machine to machine; of a check, its name and its title. */
const steadyLine = (line: string): string =>
  line
    .replace(/^ ([✓–]) (\S+) +(.*?) {2}.*$/, '$1 $2 $3')
    .replaceAll(folder, '/var/lib/berth-quickstart')
    .replace(/^ {2}\+ install .*$/, '  + install packages')
    .replace(/\b[0-9a-f]{8,}\b|\d+(\.\d+)*/g, 'N')
    .replace(/^quickstart: N checks .*, in N s$/, 'quickstart: N checks are green')
    .trim();

/** What the README shows of a run; how long it takes it says for a machine that has nothing yet. */
const shownInReadme = (): readonly string[] => {
  const readme = readFileSync(join(checkout, 'README.md'), 'utf8');
  const [, shown = ''] = /^```\n(berth quickstart:[\s\S]*?)^```/m.exec(readme) ?? [];
  return shown.split('\n').filter((line) => !/^ *(take .*|…|)$/.test(line));
};

test('the quick start makes a proven host, changes nothing the second time, and goes without a trace', async (t) => {
  const before = await machineState();
  t.after(async () => {
    await quickstart('--remove', '--ci');
    rmSync(folder, { recursive: true, force: true });
  });
  await seedBase();

  const first = await quickstart('--ci');
  assert.equal(first.code, 0, first.stdout + first.stderr);
  assert.match(first.stdout, /It will\n[\s\S]*bridge berth-quick with 10\.199\.77\.1\/24/);
  assert.match(first.stdout, /redis\.set-get/);
  assert.match(first.stdout, /\d+ checks are green/);
  assert.match(first.stdout, /Next:\n +ssh /);
  const printed = new Set(first.stdout.split('\n').map(steadyLine));
  const shown = shownInReadme();
  assert.ok(shown.length > 20, 'the README shows a run');
  assert.deepEqual(
    shown.filter((line) => !printed.has(steadyLine(line))),
    [],
    'the README shows what the quick start does not print',
  );

  const second = await quickstart('--ci');
  assert.equal(second.code, 0, second.stdout + second.stderr);
  assert.match(second.stdout, /Nothing to do/);
  assert.match(second.stdout, /was running already; nothing was put on this machine/);

  const removed = await quickstart('--remove', '--ci');
  assert.equal(removed.code, 0, removed.stdout + removed.stderr);
  assert.equal(existsSync(folder), false);
  assert.deepEqual(await tracesOf('quick'), []);
  assert.deepEqual(await machineState(), before);
});

test('a folder that berth did not make is not deleted', async (t) => {
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'precious'), { recursive: true });
  const refused = await quickstart('--remove', '--ci');
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /was not made by berth/);
  assert.ok(existsSync(join(folder, 'precious')));
});

test('who is not root is told so before anything is done', async () => {
  const script = join(checkout, 'src/cli/quickstart.sh');
  const asked = await run('setpriv', ['--reuid', '65534', '--clear-groups', 'sh', script]).then(
    () => assert.fail('it did not refuse'),
    (error: Outcome) => error,
  );
  assert.equal(asked.code, 1);
  assert.match(asked.stderr, /needs root[\s\S]*sudo npm run quickstart/);

  const berth = join(checkout, 'src/cli/berth');
  for (const args of [[], ['--remove']]) {
    const argv = ['--reuid', '65534', '--clear-groups', berth, 'quickstart', ...args];
    const refused = await run('setpriv', argv).then(
      () => assert.fail('it did not refuse'),
      (error: Outcome) => error,
    );
    assert.equal(refused.code, 13, refused.stderr);
    assert.match(refused.stderr, /sudo npm run quickstart/);
  }
});
