import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import type { Session } from '../../../runtime/shim/client/shim.ts';
import { anySignal, Lab, linesOf, pause, readEntries } from './lab.ts';

const lab = await new Lab().start();
test.after(() => lab.dispose());
const target = await lab.run({ script: 'sleep 1000' });

const exec = (args: readonly string[], { timeoutMs = 10_000, outputLimitBytes = 1 << 20 } = {}) =>
  lab.shim.call(
    'exec',
    { id: target.id, process: lab.process(args), timeoutMs, outputLimitBytes },
    anySignal(),
  );

const text = (base64: string): string => Buffer.from(base64, 'base64').toString();

test('exec answers with the exit code and both outputs', async () => {
  const result = await exec(['/bin/sh', '-c', 'echo out; echo err >&2; exit 3']);
  assert.equal(text(result.stdout), 'out\n');
  assert.equal(text(result.stderr), 'err\n');
  assert.deepEqual([result.exitCode, result.timedOut, result.truncated], [3, false, false]);
});

test('exec has no stdin', async () => {
  assert.deepEqual((await exec(['/bin/cat'])).exitCode, 0);
});

test('exec says which program is not there', async () => {
  await assert.rejects(exec(['/bin/absent']), /runc exec: .*\/bin\/absent/);
});

test('exec that takes too long is killed with its group, and no process of it stays', async () => {
  const began = performance.now();
  const result = await exec(['/bin/sh', '-c', 'echo before; sleep 444 & sleep 444'], { timeoutMs: 400 });
  assert.deepEqual([result.timedOut, result.exitCode, text(result.stdout)], [true, 137, 'before\n']);
  assert.ok(performance.now() - began < 2000);
  const { stdout } = await exec(['/bin/ps']);
  assert.doesNotMatch(text(stdout), /sleep 444/);
});

test('exec ends with its process though offspring holds its output', async () => {
  const began = performance.now();
  const result = await exec(['/bin/sh', '-c', 'sleep 5 & echo done']);
  assert.deepEqual([result.exitCode, text(result.stdout)], [0, 'done\n']);
  assert.ok(performance.now() - began < 2500);
});

test('exec output beyond the limit is dropped without memory growing', async () => {
  const before = residentKiB();
  const result = await exec(['/bin/sh', '-c', 'yes | head -c 100000000'], {
    outputLimitBytes: 1000,
    timeoutMs: 60_000,
  });
  assert.deepEqual(
    [result.truncated, Buffer.from(result.stdout, 'base64').length, result.exitCode],
    [true, 1000, 0],
  );
  assert.ok(residentKiB() - before < 20_000, `${residentKiB() - before} KiB more`);
});

const residentKiB = (): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${lab.pid}/status`, 'utf8'))?.[1]);

test('twenty execs at once keep their exit codes', async () => {
  const codes = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => (await exec(['/bin/sh', '-c', `exit ${index}`])).exitCode),
  );
  assert.deepEqual(
    codes,
    Array.from({ length: 20 }, (_, index) => index),
  );
});

test('failed execs leave no descriptor behind', async () => {
  const fds = () => readdirSync(`/proc/${lab.pid}/fd`).length;
  await assert.rejects(exec(['/absent']));
  const before = fds();
  for (let round = 0; round < 5; round += 1) {
    await assert.rejects(exec(['/absent']));
    await assert.rejects(execSession(['/absent'], { terminal: true }));
  }
  await until(() => fds() <= before);
});

async function execSession(
  args: readonly string[],
  { terminal = false, stdin = true } = {},
): Promise<Session> {
  const process = lab.process(args, terminal);
  const { session } = await lab.shim.call('execSession', { id: target.id, process, stdin }, anySignal());
  return lab.shim.openSession(session, anySignal());
}

async function all(stream: NodeJS.ReadableStream): Promise<string> {
  let whole = '';
  for await (const chunk of stream) whole += chunk;
  return whole;
}

test('a session carries stdin to its end, both outputs apart, and the exit code', async () => {
  const session = await execSession(['/bin/sh', '-c', 'cat; echo err >&2; exit 4']);
  session.stdin.end('some input\n');
  const [out, err, { exitCode }] = await Promise.all([
    all(session.stdout),
    all(session.stderr),
    session.exited,
  ]);
  assert.deepEqual([out, err, exitCode], ['some input\n', 'err\n', 4]);
});

test('a session carries megabytes in both directions', async () => {
  const session = await execSession(['/bin/cat']);
  const input = Buffer.alloc(5_000_000, 'berth ');
  session.stdin.end(input);
  const [out, { exitCode }] = await Promise.all([all(session.stdout), session.exited, all(session.stderr)]);
  assert.equal(exitCode, 0);
  assert.ok(out === input.toString());
});

test('a session whose output nobody reads stops the process, not the shim', async () => {
  const before = residentKiB();
  const session = await execSession(['/bin/yes'], { stdin: false });
  await pause(500);
  assert.ok(residentKiB() - before < 20_000);
  assert.equal((await exec(['/bin/true'])).exitCode, 0);
  session.destroy();
  await pause(200);
  assert.doesNotMatch(text((await exec(['/bin/ps'])).stdout), /bin\/yes/);
});

test('a process that reads nothing of much input ends with its client', async () => {
  const session = await execSession(['/bin/sleep', '333']);
  session.stdin.on('error', () => {});
  session.stdin.write(Buffer.alloc(4_000_000));
  await pause(300);
  session.destroy();
  const deadline = Date.now() + 5000;
  while (text((await exec(['/bin/ps'])).stdout).includes('sleep 333')) {
    assert.ok(Date.now() < deadline, 'the process outlives its client');
    await pause(100);
  }
});

test('a terminal session has a size that can be changed, and its process is killed with it', async () => {
  const session = await execSession(['/bin/sh', '-c', 'tty; while read line; do stty size; done'], {
    terminal: true,
  });
  session.resize({ width: 123, height: 45 });
  let seen = '';
  session.stdout.on('data', (chunk) => {
    seen += chunk;
  });
  session.stdin.write('\n');
  await until(() => seen.includes('45 123'));
  session.resize({ width: 80, height: 24 });
  session.stdin.write('\n');
  await until(() => seen.includes('24 80'));
  assert.match(seen, /\/dev\/pts\/\d/);
  session.destroy();
  await assert.rejects(session.exited);
  await pause(200);
  assert.doesNotMatch(text((await exec(['/bin/ps'])).stdout), /stty size/);
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`condition not met: ${condition}`);
    await pause(5);
  }
}

test('a token that is unknown or used ends the session', async () => {
  const stranger = await lab.shim.openSession('0'.repeat(32), anySignal());
  await assert.rejects(stranger.exited, { code: 'NotFound' });
});

test('attach carries input to the container and its output to the client and the log', async () => {
  const params = await lab.run({
    script: 'while read line; do echo "got $line"; [ "$line" = end ] && exit 6; done',
    stdin: true,
  });
  const { session } = await lab.shim.call(
    'attachSession',
    { id: params.id, stdin: true, stdout: true, stderr: true },
    anySignal(),
  );
  const first = await lab.shim.openSession(session, anySignal());
  first.stdin.write('one\n');
  await new Promise((resolve) => first.stdout.once('data', resolve));
  first.destroy();
  await pause(50);
  const again = await lab.shim.call(
    'attachSession',
    { id: params.id, stdin: true, stdout: true, stderr: true },
    anySignal(),
  );
  const second = await lab.shim.openSession(again.session, anySignal());
  second.stdin.write('end\n');
  const [out, { exitCode }] = await Promise.all([all(second.stdout), second.exited]);
  assert.deepEqual([out, exitCode], ['got end\n', 0]);
  assert.equal((await lab.untilExit(params.id)).exitCode, 6);
  assert.deepEqual(linesOf(readEntries(params.logPath ?? ''), 'stdout'), ['got one', 'got end']);
});

test('a session that connects after its container was deleted carries nothing and ends', async () => {
  const params = await lab.run({ script: 'sleep 1000', stdin: true });
  const wish = { id: params.id, stdin: true, stdout: true, stderr: true };
  const { session } = await lab.shim.call('attachSession', wish, anySignal());
  await lab.shim.call('delete', { id: params.id }, anySignal());
  const late = await lab.shim.openSession(session, anySignal());
  late.stdin.on('error', () => {});
  late.stdin.write('for nobody\n');
  assert.deepEqual(await late.exited, { exitCode: 0 });
});

test('stdinOnce ends the input with the first session', async () => {
  const params = await lab.run({ script: 'cat; echo over', stdin: true, stdinOnce: true });
  const { session } = await lab.shim.call(
    'attachSession',
    { id: params.id, stdin: true, stdout: true, stderr: true },
    anySignal(),
  );
  const attached = await lab.shim.openSession(session, anySignal());
  attached.stdin.end('last words\n');
  assert.equal(await all(attached.stdout), 'last words\nover\n');
  assert.equal((await lab.untilExit(params.id)).exitCode, 0);
});

test('a client that takes nothing does not stop the container for ever', { timeout: 30_000 }, async () => {
  const params = await lab.run({
    script: 'head -c 30000000 /proc/kallsyms > /dev/null; seq 1 2000000; exit 8',
  });
  const { session } = await lab.shim.call(
    'attachSession',
    { id: params.id, stdin: false, stdout: true, stderr: true },
    anySignal(),
  );
  const attached = await lab.shim.openSession(session, anySignal());
  assert.equal((await lab.untilExit(params.id)).exitCode, 8);
  attached.destroy();
});
