import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { makeStage, type Stage } from './recorded-stage.ts';
import { berth, type Ran, runBerth } from './run-berth.ts';

/*
 * The whole command on this machine as its host, with programs that replay what real ones answered.
 */

const verify = (stage: Stage, ...options: string[]): Promise<Ran> =>
  runBerth(['verify', stage.profile, ...options], { env: stage.env });

test('a proven host is exit code 0, with the table at the end', async () => {
  using stage = makeStage();
  const ran = await verify(stage);
  assert.equal(ran.stderr, '');
  assert.equal(ran.exitCode, 0);
  assert.match(ran.stdout, /^[-\dT:]+Z {2}node-1 {2}ok {2}redis\.ping: PONG \(\d+ ms\)$/m);
  assert.match(ran.stdout, /^ ✓ redis\.nothing-left +no pod, no container +both lists are empty +\d+ ms$/m);
  assert.match(ran.stdout, /^node-1: 44 checks are green, 3 were not run, in /m);
  const table = ran.stdout.slice(ran.stdout.indexOf('\n\n'));
  assert.deepEqual(
    table.split('\n').filter((line) => line.length > 80),
    [],
  );
  assert.deepEqual(stage.state(), ['calls']);
});

test('a red check is exit code 18, and says which host', async () => {
  using stage = makeStage({ EXIT_CODE: '1', REASON: 'Error' });
  const ran = await verify(stage);
  assert.equal(ran.exitCode, 18);
  assert.match(ran.stdout, /✗ redis\.exit-code/);
  assert.match(ran.stderr, /one host did not pass the verification: node-1/);
});

test('--stats tells what the run cost', async () => {
  using stage = makeStage();
  const ran = await verify(stage, '--stats');
  assert.match(ran.stdout, /^host +round trips +channels +sent +received$/m);
  assert.match(ran.stdout, /^wall time /m);
});

test('--json is nothing but JSON, and ends with the exit code', async () => {
  using stage = makeStage({ FAIL: 'pull' });
  const ran = await verify(stage, '--json');
  assert.equal(ran.stderr, '');
  const lines = ran.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const pull = lines.find((line) => line.kind === 'checked' && line.check.id === 'redis.pull');
  assert.equal(pull.check.ok, false);
  assert.match(pull.check.evidence[0].text, /it says/);
  assert.deepEqual(
    lines.find((line) => line.kind === 'verified'),
    {
      kind: 'verified',
      host: 'node-1',
      ok: false,
      checks: 17,
      red: ['redis.pull'],
      notRun: [
        'config.running',
        'config.rendered',
        'config.services',
        'redis.walk',
        'network.rest',
        'exec.rest',
      ],
    },
  );
  assert.deepEqual(lines.at(-1), { kind: 'ended', exitCode: 18 });
});

test('--junit writes a case a check, also of a run that ends red, and nothing beside it', async () => {
  using stage = makeStage({ FAIL: 'pull' });
  const report = join(dirname(stage.profile), 'report.xml');
  const ran = await verify(stage, '--junit', report);
  assert.equal(ran.exitCode, 18, ran.stderr);
  const text = readFileSync(report, 'utf8');
  assert.match(text, /<testsuite name="node-1" [^>]*tests="17" failures="1" errors="0" skipped="6"/);
  assert.match(text, /<failure type="VerifyFailed" message="[^"]*it says &quot;no&quot;"/);
  assert.deepEqual(
    stage.state().filter((name) => name.startsWith('report')),
    ['report.xml'],
  );
});

test('a report that cannot be written is refused before any host is asked', async () => {
  using stage = makeStage();
  const ran = await verify(stage, '--junit', '/no/such/folder/report.xml');
  assert.equal(ran.exitCode, 10);
  assert.match(ran.stderr, /\/no\/such\/folder\/report\.xml cannot be written/);
  assert.deepEqual(stage.state(), []);
});

test('--level is in place of the level of the profile, and says what it may be', async () => {
  using stage = makeStage();
  const ran = await verify(stage, '--level', 'smoke');
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.doesNotMatch(ran.stdout, /redis\./);
  const wrong = await verify(stage, '--level', 'all');
  assert.equal(wrong.exitCode, 10);
  assert.match(wrong.stderr, /one of smoke, node, full/);
});

test('--reboot is refused for this machine, whatever else is said', async () => {
  using stage = makeStage();
  const ran = await verify(stage, '--reboot', '--yes');
  assert.equal(ran.exitCode, 10);
  assert.match(ran.stderr, /would reboot this machine/);
  assert.deepEqual(stage.state(), []);
});

for (const name of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const)
  test(`after ${name} in the middle the host takes its pod away by itself, at once`, async () => {
    using stage = makeStage({ HANG: 'create' });
    const child = spawn(berth, ['verify', stage.profile], {
      env: { ...process.env, ...stage.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.on('data', (chunk) => {
      const before = stdout.includes('redis.pull');
      stdout += chunk;
      if (!before && stdout.includes('redis.pull')) child.kill(name);
    });
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    if (name !== 'SIGKILL') {
      assert.equal(exitCode, 130);
      assert.match(stdout, new RegExp(`warn: ${name}: `));
      assert.equal(stderr.match(/interrupted/g)?.length, 1, stderr);
    }
    for (let tries = 0; tries < 200 && stage.state().length > 1; tries += 1) await setTimeout(50);
    assert.deepEqual(stage.state(), ['calls']);
  });

for (const streams of ['', '2>&1'])
  test(`a reader that goes away early ${streams} ends nothing: all is done, and the exit code is that of all`, async () => {
    using stage = makeStage({ EXIT_CODE: '1', REASON: 'Error' });
    const log = join(dirname(stage.profile), 'log.jsonl');
    const line = `"$0" verify "$1" --log-file "$2" ${streams} | head -n 1; exit "\${PIPESTATUS[0]}"`;
    const child = spawn('bash', ['-c', line, berth, stage.profile, log], {
      env: { ...process.env, ...stage.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.stdout.resume();
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(exitCode, 18);
    assert.match(readFileSync(log, 'utf8'), /"redis\.nothing-left"[\s\S]*"kind":"ended","exitCode":18\}\n$/);
    assert.equal(stderr.includes('EPIPE'), false, stderr);
  });
