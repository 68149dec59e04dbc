import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { assertGolden, steady } from '../../harness/golden.ts';
import { startSshd } from '../../harness/sshd.ts';
import { readStream } from '../../harness/stream.ts';
import { makeStage, type Stage } from './recorded-stage.ts';
import { berth, type Ran, runBerth } from './run-berth.ts';

/*
 * What a pipeline sees: the whole output of a success and of a failure, in each dialect. `berth verify` runs against this
 * machine with programs that replay what real ones answered; test/docs/pipelines.test.ts has an apply on a real host.
 */

const golden = (name: string): URL => new URL(`ci-output/${name}`, import.meta.url);

/** No CI system is around, whatever runs the tests. */
const none = {
  CI: undefined,
  GITHUB_ACTIONS: undefined,
  GITLAB_CI: undefined,
  GITHUB_STEP_SUMMARY: undefined,
};

const dialects: Readonly<Record<string, NodeJS.ProcessEnv>> = {
  plain: {},
  github: { CI: 'true', GITHUB_ACTIONS: 'true' },
  gitlab: { CI: 'true', GITLAB_CI: 'true' },
};

const run = (stage: Stage, env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ran> =>
  runBerth(args, { env: { ...none, ...stage.env, ...env } });

/**
 * Checks that are made side by side end in any order: lines of them that follow each other are sorted. What fits into the
 * columns of the table depends on how long the longest check took: of each row the check stays.
 */
const placed = (stage: Stage, text: string): string => {
  const known = steady(text, [
    [dirname(stage.profile), 'FOLDER'],
    [/GET answers [0-9a-f]+/g, 'GET answers HEX'],
    [/^( [✓✗–!] \S+) .*$/gm, '$1 …'],
  ]);
  return known.replace(/(^TIME {2}node-1 {2}(?:ok {2}|failed {2}|– {3})[a-z]+\.[^\n]*\n)+/gm, (lines) =>
    lines
      .split(/(?<=\n)/)
      .sort()
      .join(''),
  );
};

for (const [name, env] of Object.entries(dialects)) {
  test(`a success as ${name} shows it`, async () => {
    using stage = makeStage();
    const ran = await run(stage, env, 'verify', stage.profile, '--level', 'smoke');
    assert.equal(ran.exitCode, 0, ran.stderr);
    assert.equal(ran.stderr, '');
    assertGolden(placed(stage, ran.stdout), golden(`success-${name}.txt`));
  });

  test(`a failure as ${name} shows it`, async () => {
    // Once with everything that pods are asked for, which takes a while.
    const whole = name === 'plain';
    using stage = makeStage(whole ? { EXIT_CODE: '1', REASON: 'Error' } : { FAIL: 'info' });
    const ran = await run(stage, env, 'verify', stage.profile, ...(whole ? [] : ['--level', 'smoke']));
    assert.equal(ran.exitCode, 18);
    assertGolden(
      placed(stage, `${ran.stdout}--- standard error\n${ran.stderr}`),
      golden(`failure-${name}.txt`),
    );
  });
}

test('a profile with problems has an annotation at each of them', async () => {
  const folder = new URL('bad-profiles/', import.meta.url);
  const env = { ...none, ...dialects['github'] };
  const ran = await runBerth(['validate', 'cidrs.yaml'], { cwd: folder, env });
  assert.equal(ran.exitCode, 10);
  const annotations = ran.stderr.match(/^::error .*\n/gm)?.join('') ?? '';
  assertGolden(annotations.replaceAll(folder.pathname, '/repo/'), golden('problems-github.txt'));
});

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-ci-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

test('the page of the job gets the same as Markdown, one command after the other', async (t) => {
  const summary = join(folderFor(t), 'summary.md');
  using stage = makeStage({ FAIL: 'info' });
  const env = { GITHUB_STEP_SUMMARY: summary };
  assert.equal((await run(stage, env, 'validate', stage.profile)).exitCode, 0);
  assert.equal((await run(stage, env, 'verify', stage.profile, '--level', 'smoke')).exitCode, 18);
  assertGolden(placed(stage, readFileSync(summary, 'utf8')), golden('summary.md'));
});

test('whatever fails before any host is an annotation, and on the page of the job', async (t) => {
  const folder = folderFor(t);
  const nowhere = join(folder, 'none', 'file');
  using stage = makeStage();
  for (const args of [
    ['plna'],
    ['plan', '--nonsense'],
    ['errors', 'Nonsense'],
    ['ssh', 'node-1', '--profile', nowhere, '--', 'true'],
    ['validate', stage.profile, '--code-quality', nowhere],
    ['bundle', nowhere, '--list'],
    ['verify', stage.profile, '--log-file', nowhere],
  ]) {
    const summary = join(folder, `${args[0]}.md`);
    const env = { ...dialects['github'], GITHUB_STEP_SUMMARY: summary };
    const ran = await run(stage, env, ...args);
    assert.equal(ran.exitCode, 10, args.join(' '));
    assert.equal(ran.stderr.match(/^::error title=berth%3A Bad/gm)?.length, 1, ran.stderr);
    const page = readFileSync(summary, 'utf8');
    assert.match(page, new RegExp(`^### berth ${args[0]}\\b.*: ✗ failed \\(exit code 10\\)$`, 'm'));
    assert.equal(page.match(/^- ✗ /gm)?.length, 1, page);
  }
});

test('--summary names another file, and one that cannot be written is told before any work', async (t) => {
  const folder = folderFor(t);
  using stage = makeStage();
  const [own, ours] = [join(folder, 'own.md'), join(folder, 'github.md')];
  const env = { GITHUB_STEP_SUMMARY: ours };
  const args = ['verify', stage.profile, '--level', 'smoke'];
  assert.equal((await run(stage, env, ...args, '--summary', own)).exitCode, 0);
  assert.match(readFileSync(own, 'utf8'), /^### berth verify .*: ✓ done$/m);
  assert.throws(() => readFileSync(ours));
  const gone = await run(stage, env, ...args, '--summary', join(folder, 'none', 'x.md'));
  assert.equal(gone.exitCode, 10);
  assert.match(gone.stderr, /the summary .*x\.md cannot be written/);
  const broken = await run(stage, { GITHUB_STEP_SUMMARY: join(folder, 'none', 'x.md') }, ...args);
  assert.equal(broken.exitCode, 0, 'nobody asked for it by name');
  assert.match(broken.stdout, /warn: the summary .* cannot be written/);
});

test('problems of profiles are a Code Quality report with paths in the repository', async (t) => {
  const folder = folderFor(t);
  const file = join(folder, 'quality.json');
  const repository = new URL('../../../', import.meta.url);
  const profile = new URL('bad-profiles/cidrs.yaml', import.meta.url).pathname;
  const env = { ...none, CI_PROJECT_DIR: repository.pathname };
  const ran = await runBerth(['validate', profile, '--code-quality', file], { env });
  assert.equal(ran.exitCode, 10);
  const issues: readonly Record<string, unknown>[] = JSON.parse(readFileSync(file, 'utf8'));
  assert.ok(issues.length >= 2);
  assert.equal(new Set(issues.map(({ fingerprint }) => fingerprint)).size, issues.length);
  const [{ fingerprint: _, ...first } = {}] = issues;
  assert.deepEqual(Object.keys(first), ['description', 'check_name', 'severity', 'location']);
  assert.deepEqual(first['check_name'], 'BadProfile');
  const { path } = first['location'] as { path: string };
  assert.equal(path, 'test/src/cli/bad-profiles/cidrs.yaml');
  const good = new URL('../../../profiles/quickstart.yaml', import.meta.url).pathname;
  assert.equal((await runBerth(['validate', good, '--code-quality', file], { env })).exitCode, 0);
  assert.equal(readFileSync(file, 'utf8'), '[]\n');
});

test('every line of --json and of a log file is one that is documented', async (t) => {
  const folder = folderFor(t);
  const log = join(folder, 'log.jsonl');
  using stage = makeStage({ FAIL: 'pull' });
  const verified = await run(stage, none, 'verify', stage.profile, '--json', '--stats', '--log-file', log);
  const kinds = (text: string): Set<string> => new Set(readStream(text).map(({ kind }) => kind));
  const seen = kinds(verified.stdout);
  for (const kind of [
    'started',
    'run-started',
    'phase-started',
    'checked',
    'verified',
    'failed',
    'stats',
    'ended',
  ])
    assert.ok(seen.has(kind), kind);
  assert.deepEqual(readStream(verified.stdout)[0]?.['version'], 1);
  const logged = readStream(readFileSync(log, 'utf8'));
  assert.ok(logged.every(({ time }) => typeof time === 'string'));
  for (const args of [
    ['validate', new URL('bad-profiles/cidrs.yaml', import.meta.url).pathname],
    ['hosts', stage.profile, '--check'],
    ['explain', stage.profile, 'spec.cni.networks[0].subnets', '--offline'],
  ])
    readStream((await run(stage, none, ...args, '--json')).stdout);
});

test('a secret that is read is told to the runner, on a stream that it alone reads, and shown nowhere', async (t) => {
  const password = `pass-${randomBytes(6).toString('hex')}`;
  await using sshd = await startSshd({
    user: { name: 'ops', password, sudoers: 'ALL=(ALL) NOPASSWD: ALL' },
  });
  const folder = folderFor(t);
  const profile = join(folder, 'p.yaml');
  writeFileSync(
    profile,
    `hosts:
  - name: a
    ssh:
      { host: 127.0.0.1, port: ${sshd.port}, user: ops, identityFiles: [], password: { env: BERTH_TEST_SECRET }, knownHostsFiles: [${sshd.knownHosts}] }
`,
  );
  const env = { ...none, ...dialects['github'], BERTH_TEST_SECRET: password };
  const ran = await runBerth(['hosts', profile, '--check'], { env });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.equal(ran.stdout.includes(password), false);
  assert.equal(ran.stderr, `::add-mask::${password}\n`);
  // What else may keep a line must not be given it: a file, or the pipe of 2>&1.
  const words = `'${berth}' hosts '${profile}' --check`;
  for (const line of [`${words} 2>'${folder}/err'; cat '${folder}/err'`, `${words} 2>&1 | cat`]) {
    const { stdout, stderr } = spawnSync('sh', ['-c', line], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    assert.match(stdout, /^a +127\.0\.0\.1/m);
    assert.equal(`${stdout}${stderr}`.includes(password), false, line);
  }
});
