import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { parse } from 'yaml';
import { artifactCache } from '../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { assertGolden, steady } from '../harness/golden.ts';
import { readStream } from '../harness/stream.ts';

/*
 * The shell steps of docs/pipelines/, run as the runners run them, against a real host. What is left out: actions and images
 * of others, and the steps that install berth, which is here.
 */

const checkout = resolve(import.meta.dirname, '../..');
const example = (name: string): unknown =>
  parse(readFileSync(join(checkout, 'docs/pipelines', name), 'utf8'));
const golden = (name: string): URL => new URL(`pipelines/${name}`, import.meta.url);

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Workflow {
  readonly jobs: Readonly<Record<'plan' | 'apply', { readonly steps: readonly Step[] }>>;
}

interface Pipeline {
  readonly default: { readonly before_script: readonly string[] };
  readonly validate: { readonly script: readonly string[] };
  readonly plan: { readonly script: readonly string[] };
  readonly apply: { readonly script: readonly string[] };
}

/** A folder that is the repository of somebody's nodes, and one that is the home of the runner. */
const workspaceFor = (t: TestContext, host: EmbeddedHost) => {
  const top = mkdtempSync(join(tmpdir(), 'berth-pipeline-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  const [work, home] = [join(top, 'work'), join(top, 'home')];
  for (const folder of [work, home]) mkdirSync(folder);
  copyFileSync(host.ssh.knownHostsFiles[0] ?? '', join(work, 'known_hosts'));
  const key = readFileSync(host.ssh.identityFiles[0] ?? '', 'utf8').trimEnd();
  writeFileSync(
    join(work, 'fleet.yaml'),
    `hosts:
  - name: node-1
    ssh: { host: ${host.ssh.host}, user: root, knownHostsFiles: [known_hosts] }
spec:
  artifacts: { source: go }
  verify: { level: smoke }
`,
  );
  const env = {
    PATH: `${join(checkout, 'src/cli')}:${process.env['PATH']}`,
    HOME: home,
    BERTH_CACHE: artifactCache,
    GOPATH: process.env['GOPATH'] ?? join(process.env['HOME'] ?? '/root', 'go'),
    GOCACHE: process.env['GOCACHE'] ?? join(process.env['HOME'] ?? '/root', '.cache/go-build'),
    CI: 'true',
  };
  return { top, work, key, env };
};

interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const shell = (argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Ran => {
  const [program = '', ...args] = argv;
  const ran = spawnSync(program, args, { cwd, env, encoding: 'utf8', timeout: 600_000 });
  return { exitCode: ran.status, stdout: ran.stdout, stderr: ran.stderr };
};

/** What the host and the day decide: versions, sizes, addresses. */
const known = (text: string, work: string): string =>
  steady(text, [
    [work, 'WORK'],
    [/10\.\d+\.\d+\.2\b/g, 'ADDRESS'],
    [/\b\d+(\.\d+)? (B|KiB|MiB|GiB)\b/g, 'SIZE'],
    [/berth 0\.\d+\.\d+-[0-9a-f]+/g, 'berth VERSION'],
    [/^( [✓✗–!] \S+) .*$/gm, '$1 …'],
    // Packages, files and checks depend on what the host has; whole groups of them are counted elsewhere.
    [/^(TIME|\d\S+Z) {2}node-1 {2}(ok {2}|– {3})(?!connect|apply|verify|rollback).*\n/gm, ''],
    [/^ {2}[+~-] .*\n( {6}.*\n)*/gm, ''],
    [/\d+ to (create|install|upload|change|set|load|enable|start|restart)/g, 'N to $1'],
    [/\d+ (steps|changes|checks)/g, 'N $1'],
  ]);

test('the workflow for GitHub Actions plans and applies a real host', async (t) => {
  const host = await embeddedHost(t);
  const { top, work, key, env } = workspaceFor(t, host);
  const { jobs } = example('github.yml') as Workflow;
  const file = (name: string): string => join(top, name);
  for (const name of ['output', 'path', 'summary.md']) writeFileSync(file(name), '');
  const github = {
    ...env,
    GITHUB_ACTIONS: 'true',
    GITHUB_OUTPUT: file('output'),
    GITHUB_PATH: file('path'),
    GITHUB_STEP_SUMMARY: file('summary.md'),
    GITHUB_WORKSPACE: work,
  };
  const secrets: Readonly<Record<string, string>> = { FLEET_KEY: key };
  const filled = (text: string): string =>
    text.replace(
      /\$\{\{ secrets\.(\w+) \}\}/g,
      (_, name) => secrets[name] ?? assert.fail(`no secret ${name}`),
    );
  const runStep = (step: Step): Ran => {
    const own = Object.entries(step.env ?? {}).map(([name, value]) => [name, filled(value)]);
    const argv = ['bash', '--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', step.run ?? ''];
    return shell(argv, work, { ...github, ...Object.fromEntries(own) });
  };
  const stepsOf = (job: 'plan' | 'apply'): readonly Step[] =>
    jobs[job].steps.filter(({ run, name }) => run !== undefined && name !== 'Install berth');

  for (const step of [...stepsOf('plan'), ...stepsOf('apply')])
    await t.test(step.name ?? step.run ?? '', () => {
      const ran = runStep(step);
      assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`);
      assert.equal(`${ran.stdout}${ran.stderr}`.includes(key), false);
      if (step.name === 'Apply') assertGolden(known(ran.stdout, work), golden('apply-github.txt'));
    });

  await t.test('the plan told the next job that there is something to do, and the page what', () => {
    assert.equal(readFileSync(file('output'), 'utf8'), 'code=2\n');
    const summary = readFileSync(file('summary.md'), 'utf8');
    assert.match(summary, /^### berth validate fleet\.yaml: ✓ done$/m);
    assert.match(summary, /^### berth plan fleet\.yaml: ! to act on \(exit code 2\)$/m);
    assert.match(summary, /^### berth apply fleet\.yaml: ✓ done$/m);
    assert.match(summary, /<details><summary>Plan: \d+ to create/);
  });

  await t.test('every line of the log is one that is documented', () => {
    const kinds = new Set(
      readStream(readFileSync(join(work, 'apply.jsonl'), 'utf8')).map(({ kind }) => kind),
    );
    for (const kind of [
      'started',
      'run-started',
      'step-ended',
      'bytes',
      'plan',
      'checked',
      'verified',
      'ended',
    ])
      assert.ok(kinds.has(kind), kind);
  });

  await t.test('the report is one that the test reports of CI systems read', () => {
    const schema = join(checkout, 'test/src/faces/junit.xsd');
    const valid = spawnSync('xmllint', ['--noout', '--schema', schema, join(work, 'report.xml')]);
    assert.equal(valid.status, 0, String(valid.stderr));
  });

  await t.test('a host that is broken fails the step, open in the log and on the page', async () => {
    await host.output('systemctl stop berthd; systemctl mask --runtime --now berthd');
    writeFileSync(file('summary.md'), '');
    const ran = shell(['berth', 'verify', 'fleet.yaml'], work, github);
    assert.equal(ran.exitCode, 18, ran.stdout);
    assert.match(ran.stdout, /^::error title=node-1%3A units\.berthd::/m);
    const open = ran.stdout.slice(ran.stdout.lastIndexOf('::endgroup::'));
    assert.match(open, /✗ units\.berthd/);
    assert.match(readFileSync(file('summary.md'), 'utf8'), /^#### ✗ node-1: units\.berthd$/m);
    await host.output('systemctl unmask --runtime berthd; systemctl start berthd');
  });

  await t.test('the pipeline for GitLab does the same on the host that is right already', async (t) => {
    const pipeline = example('gitlab.yml') as Pipeline;
    writeFileSync(file('key'), `${key}\n`, { mode: 0o600 });
    const gitlab = { ...env, GITLAB_CI: 'true', CI_PROJECT_DIR: work, FLEET_KEY: file('key') };
    const before = pipeline.default.before_script.filter((line) => !/git clone|export PATH/.test(line));
    assert.equal(before.length, 1);
    for (const job of ['validate', 'plan', 'apply'] as const)
      await t.test(job, () => {
        const script = ['set -eo pipefail', ...before, ...pipeline[job].script].join('\n');
        const ran = shell(['bash', '-c', script], work, gitlab);
        assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`);
        if (job === 'validate') assert.equal(readFileSync(join(work, 'quality.json'), 'utf8'), '[]\n');
        if (job === 'plan') assert.match(readFileSync(join(work, 'plan.md'), 'utf8'), /✓ done/);
        if (job === 'apply') assertGolden(known(ran.stdout, work), golden('apply-gitlab.txt'));
      });
  });
});

test('an apply that does not reach its host is a failure that is told in the log, on the page and in the report', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-pipeline-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'fleet.yaml'), 'hosts: [{ name: node-1, ssh: { host: 127.0.0.1, port: 1 } }]\n');
  const env = {
    ...process.env,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
  };
  const argv = [join(checkout, 'src/cli/berth'), 'apply', 'fleet.yaml', '--yes', '--junit', 'report.xml'];
  const ran = shell(argv, folder, env);
  assert.equal(ran.exitCode, 11);
  const page = readFileSync(join(folder, 'summary.md'), 'utf8');
  const text = `${ran.stdout}--- standard error\n${ran.stderr}--- summary\n${page}`;
  // How often it is tried again depends on how busy the machine is.
  const tries = [/^.* trying again in .*\n/gm, ''] as const;
  assertGolden(steady(text, [tries]), golden('apply-fails-github.txt'));
  assert.match(readFileSync(join(folder, 'report.xml'), 'utf8'), /<error type="Unreachable"/);
});
