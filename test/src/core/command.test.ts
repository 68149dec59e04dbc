import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { commandOutput, runCommand } from '../../../src/core/command.ts';

const signal = new AbortController().signal;

test('arguments arrive as they are, whatever a shell would make of them', async () => {
  const hostile = `a 'b' "c" $HOME \`id\` *\\`;
  assert.equal(await commandOutput(['printf', '%s', hostile], { signal }), hostile);
});

test('an exit code is a result, and an error where success is needed', async () => {
  const argv = ['sh', '-c', 'echo out; echo no such thing >&2; exit 3'];
  assert.deepEqual(await runCommand(argv, { signal }), {
    exitCode: 3,
    stdout: 'out\n',
    stderr: 'no such thing\n',
  });
  await assert.rejects(commandOutput(argv, { signal }), { code: 'CommandFailed', message: /no such thing/ });
});

test('a folder that is not there is told, and not taken for the end of the program', async () => {
  for (const cwd of ['/nowhere/at/all', '/etc/passwd'])
    for (const run of [runCommand, commandOutput])
      await assert.rejects(run(['true'], { signal, cwd }), {
        code: 'CommandFailed',
        message: `true was not started: there is no folder ${cwd}`,
      });
  assert.equal((await runCommand(['no-such-program-x'], { signal })).exitCode, 127);
});

test('input reaches the program, and one that does not read it is no failure', async () => {
  assert.equal(await commandOutput(['cat'], { signal, input: 'text' }), 'text');
  const large = 'x'.repeat(1 << 20);
  for (let round = 0; round < 20; round += 1)
    assert.equal((await runCommand(['false'], { signal, input: large })).exitCode, 1);
});

test('cancelling ends the program and its children at once', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 200);
  const started = performance.now();
  await assert.rejects(runCommand(['sh', '-c', 'sleep 61 & sleep 61'], { signal: controller.signal }), {
    code: 'Cancelled',
  });
  assert.ok(performance.now() - started < 5000);
});

test('a program that takes too long is ended', async () => {
  await assert.rejects(runCommand(['sleep', '60'], { signal, deadlineSeconds: 0.2 }), {
    code: 'DeadlineExceeded',
  });
});

test('a program that ends with us is gone after a kill -9 of us, and its children too', async () => {
  const module = new URL('../../../src/core/command.ts', import.meta.url).href;
  const us = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const seconds = `${7_000_000 + process.pid}`;
  us.stdin.end(`
    import { runCommand } from ${JSON.stringify(module)};
    const signal = new AbortController().signal;
    await runCommand(['sh', '-c', 'sleep ${seconds} & sleep ${seconds}'], { signal, endsWithUs: true });`);
  const count = async (): Promise<number> =>
    Number((await runCommand(['sh', '-c', `pgrep -fc "^sleep ${seconds}" || true`], { signal })).stdout);
  while ((await count()) < 2) await pause(50);
  us.kill('SIGKILL');
  await once(us, 'exit');
  while (existsSync(`/proc/${us.pid}`)) await pause(10);
  for (const deadline = Date.now() + 5000; (await count()) > 0; await pause(50))
    assert.ok(Date.now() < deadline, 'they are still there');
});
