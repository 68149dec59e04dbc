import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { connectShim } from '../../../runtime/shim/client/connect.ts';
import { Pulls } from '../../../runtime/shim/server/pull.ts';
import { anySignal, Lab, pause } from './lab.ts';

const lab = await new Lab().start();
test.after(() => lab.dispose());

test('no shim is told as Unavailable after the patience', async () => {
  const socketPath = join(lab.runRoot, 'absent.sock');
  await assert.rejects(connectShim({ socketPath, reconnectMs: 150 }), { code: 'Unavailable' });
});

test('only root may connect', () => {
  assert.equal(statSync(join(lab.runRoot, 'shim.sock')).mode & 0o777, 0o600);
});

test('a second shim for the same folder refuses to serve', async () => {
  const second = new Lab();
  try {
    const { spawnSync } = process.getBuiltinModule('node:child_process');
    const program = new URL('../../../runtime/berth-shim.ts', import.meta.url).pathname;
    const { status, stderr } = spawnSync(process.execPath, [program, '--run-root', lab.runRoot], {
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stderr, /another berth-shim serves/);
  } finally {
    await second.dispose();
  }
});

test('run answers with exit code, outputs and what was cut', async () => {
  const run = (script: string, more = {}) =>
    lab.shim.call('run', { argv: ['/bin/sh', '-c', script], timeoutMs: 5000, ...more }, anySignal());
  const plain = await run('cat; echo err >&2; echo $HELLO; exit 3', {
    stdin: 'in ',
    env: { HELLO: 'w', PATH: '/bin' },
  });
  assert.deepEqual(
    [plain.exitCode, plain.stdout, plain.stderr, plain.timedOut],
    [3, 'in w\n', 'err\n', false],
  );
  const cut = await run('yes | head -c 100000', { outputLimitBytes: 10 });
  assert.deepEqual([cut.truncated, cut.stdout.length], [true, 10]);
  const killed = await run('sleep 50 & sleep 50', { timeoutMs: 200 });
  assert.deepEqual([killed.timedOut, killed.exitCode, killed.signal], [true, null, 'SIGKILL']);
  await assert.rejects(lab.shim.call('run', { argv: ['/absent'], timeoutMs: 1000 }, anySignal()), {
    code: 'NotFound',
  });
});

test('a method that the shim does not know is Unimplemented', async () => {
  const unknown = 'levitate' as 'list';
  await assert.rejects(lab.shim.call(unknown, {}, anySignal()), { code: 'Unimplemented' });
});

test('an aborted call is Cancelled, and the connection goes on', async () => {
  const abort = new AbortController();
  const call = lab.shim.call('run', { argv: ['/bin/sleep', '1'], timeoutMs: 5000 }, abort.signal);
  abort.abort();
  await assert.rejects(call, { code: 'Cancelled' });
  await lab.shim.call('list', {}, anySignal());
});

test('a call in flight when the shim dies is Unavailable at once, and the next one waits for its return', async () => {
  let connections = 0;
  lab.shim.onConnected(() => {
    connections += 1;
  });
  const call = lab.shim.call('run', { argv: ['/bin/sleep', '2'], timeoutMs: 5000 }, anySignal());
  const settled = call.catch((error) => error.code);
  await pause(50);
  await lab.kill();
  assert.equal(await settled, 'Unavailable');
  const next = lab.shim.call('hello', { version: 1, client: 'test' }, anySignal());
  lab.startProcess();
  assert.equal((await next).pid, lab.pid);
  assert.equal(connections, 2);
});

test('exits are told again to a daemon that comes later', async () => {
  const params = await lab.run({ script: 'exit 33' });
  await lab.untilExit(params.id);
  const daemon = await connectShim({ socketPath: join(lab.runRoot, 'shim.sock'), reconnectMs: 1000 });
  try {
    const exit = await new Promise<{ exitCode: number }>((resolve) => daemon.on('exit', resolve));
    assert.equal(exit.exitCode, 33);
  } finally {
    await daemon.close();
  }
});

test('a pull passes progress and outcome on, and a puller that dies is told with what it said', async () => {
  const release = mkdtempSync('/dev/shm/berth-release-');
  const write = (body: string) => writeFileSync(join(release, 'berth-pull.mjs'), body);
  try {
    const pulls = new Pulls(release);
    const seen: unknown[] = [];
    write(`for await (const chunk of process.stdin) { const request = JSON.parse(chunk);
      console.log(JSON.stringify({ progress: 1 })); console.log(JSON.stringify({ outcome: { got: request } })); }`);
    assert.deepEqual(await pulls.pull('p', { reference: 'r' }, (progress) => seen.push(progress)), {
      got: { reference: 'r' },
    });
    assert.deepEqual(seen, [1]);
    write('process.stderr.write("out of memory"); process.exit(9);');
    await assert.rejects(
      pulls.pull('p', {}, () => {}),
      (error: { code: string; message: string; context: object }) => {
        assert.deepEqual(
          [error.code, error.message],
          ['Internal', 'berth-pull ended with exit code 9, without an outcome'],
        );
        assert.deepEqual(error.context, { exitCode: 9, signal: undefined, stderr: 'out of memory' });
        return true;
      },
    );
    write('process.kill(process.pid, "SIGKILL");');
    await assert.rejects(
      pulls.pull('p', {}, () => {}),
      {
        code: 'Internal',
        message: 'berth-pull was ended by signal 9, without an outcome',
        hint: /dmesg for an OOM kill/,
      },
    );
    write('setInterval(() => {}, 1000);');
    const hanging = pulls.pull('p', {}, () => {});
    await pause(100);
    pulls.cancel('p');
    await assert.rejects(hanging, { code: 'Cancelled' });
  } finally {
    rmSync(release, { recursive: true });
  }
});
