import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { failedWith } from '../../../runtime/core/fail.ts';
import { until } from '../../harness/busybox-node.ts';
import { anySignal, Lab, linesOf, pause, readEntries } from './lab.ts';

const lab = await new Lab().start();
test.after(() => lab.dispose());

test('a container runs from creation to deletion with its output in the log', async () => {
  const params = lab.bundle({ script: 'echo hello; echo oops >&2; printf unfinished; exit 7' });
  const { pid } = await lab.shim.call('create', params, anySignal());
  const created = await stateOf(params.id);
  assert.deepEqual([created.pid, created.startedAtNs, created.exit], [pid, null, null]);
  const before = BigInt(Date.now()) * 1_000_000n;
  const { startedAtNs } = await lab.shim.call('start', { id: params.id }, anySignal());
  assert.ok(BigInt(startedAtNs) >= before - 1_000_000n);

  const exit = await lab.untilExit(params.id);
  assert.deepEqual([exit.exitCode, exit.reason, exit.oomKilled], [7, 'Exited', false]);
  assert.ok(BigInt(exit.finishedAtNs) > before);
  const entries = readEntries(params.logPath ?? '');
  assert.deepEqual(linesOf(entries, 'stdout'), ['hello', 'unfinished']);
  assert.deepEqual(linesOf(entries, 'stderr'), ['oops']);
  assert.equal(statSync(params.logPath ?? '').mode & 0o777, 0o640);

  await lab.shim.call('delete', { id: params.id }, anySignal());
  await lab.shim.call('delete', { id: params.id }, anySignal());
  assert.equal(existsSync(join(lab.runRoot, 'shim/containers', params.id)), false);
  assert.equal(existsSync(join(lab.runRoot, 'runc', params.id)), false);
  await assert.rejects(lab.shim.call('start', { id: params.id }, anySignal()), failing('NotFound'));
});

test('a container that is to be deleted is struck before what is asked for next begins', async () => {
  const { id, logPath } = await lab.run({ script: 'echo ready; while :; do usleep 10000; done' });
  await until('its first line', async () => linesOf(readEntries(logPath ?? ''), 'stdout').includes('ready'));
  const { pid } = await stateOf(id);
  const look = `cat /proc/${pid}/status 2> /dev/null || echo gone`;
  const [, { stdout }] = await Promise.all([
    lab.shim.call('delete', { id }, anySignal()),
    lab.shim.call('run', { argv: ['sh', '-c', look], timeoutMs: 10_000 }, anySignal()),
  ]);
  const pending = [...stdout.matchAll(/^(?:SigPnd|ShdPnd):\s+([0-9a-f]+)$/gm)].map(([, mask]) =>
    BigInt(`0x${mask}`),
  );
  const SIGKILL_BIT = 1n << 8n;
  assert.ok(
    /^gone|^State:\s+[ZX]/m.test(stdout) || pending.some((mask) => (mask & SIGKILL_BIT) !== 0n),
    stdout,
  );
});

const failing = (code: Parameters<typeof failedWith>[1]) => (error: unknown) => failedWith(error, code);

async function stateOf(id: string) {
  const { containers } = await lab.shim.call('list', {}, anySignal());
  const found = containers.find((container) => container.id === id);
  assert.ok(found);
  return found;
}

test('a signal ends a container with 128 and its number', async () => {
  const { id, logPath } = await lab.run({
    script: 'trap "exit 9" TERM; echo ready; while :; do usleep 10000; done',
  });
  // A signal that comes before the trap is ignored: the program is the first process of its namespace.
  await until('the trap', async () => linesOf(readEntries(logPath ?? ''), 'stdout').includes('ready'));
  await lab.shim.call('kill', { id, signal: 15 }, anySignal());
  assert.equal((await lab.untilExit(id)).exitCode, 9);
  const killed = await lab.run({ script: 'sleep 1000' });
  await lab.shim.call('kill', { id: killed.id, signal: 9 }, anySignal());
  assert.equal((await lab.untilExit(killed.id)).exitCode, 137);
  await lab.shim.call('kill', { id: killed.id, signal: 9 }, anySignal());
});

test('deletion ends a container that runs, and one that was never started', async () => {
  const running = await lab.run({ script: 'sleep 1000' });
  const created = lab.bundle({ script: 'true' });
  await lab.shim.call('create', created, anySignal());
  for (const { id } of [running, created]) {
    await lab.shim.call('delete', { id }, anySignal());
    assert.equal((await lab.untilExit(id)).exitCode, 137);
  }
});

test('a container over its memory limit is told to be OOM killed', async () => {
  const { id } = await lab.run({
    script: 'tail /dev/zero',
    memoryLimit: 16 * 1024 * 1024,
    args: ['/bin/tail', '/dev/zero'],
  });
  // Without /dev/zero in the bundle's bare /dev, tail would end at once with 1.
  const exit = await lab.untilExit(id);
  assert.deepEqual([exit.exitCode, exit.oomKilled, exit.reason], [137, true, 'OOMKilled']);
});

test('the runtime says why a container cannot be created, and nothing of it stays', async () => {
  const params = lab.bundle({ script: '', args: ['/bin/absent'] });
  await assert.rejects(
    lab.shim.call('create', params, anySignal()),
    /runc create: .*\/bin\/absent.*no such file/,
  );
  assert.equal(existsSync(join(lab.runRoot, 'shim/containers', params.id)), false);
  assert.equal(existsSync(join(lab.runRoot, 'runc', params.id)), false);
  const { runtime, ...rest } = lab.bundle({ script: 'true' });
  const absent = { ...rest, runtime: ['/usr/sbin/no-such-runtime', ...runtime.slice(1)] };
  await assert.rejects(lab.shim.call('create', absent, anySignal()), failing('NotFound'));
});

test('a log path that is a symbolic link is refused', async () => {
  const params = lab.bundle({ script: 'true' });
  symlinkSync('/dev/shm/berth-lab-elsewhere', params.logPath ?? '');
  await assert.rejects(lab.shim.call('create', params, anySignal()), /ELOOP/);
  assert.equal(existsSync('/dev/shm/berth-lab-elsewhere'), false);
});

test('an id that exists is refused, and so is one that is no id', async () => {
  const params = await lab.run({ script: 'sleep 1000' });
  await assert.rejects(lab.shim.call('create', params, anySignal()), failing('AlreadyExists'));
  await assert.rejects(lab.shim.call('start', { id: params.id }, anySignal()), failing('FailedPrecondition'));
  await assert.rejects(lab.shim.call('start', { id: '../../etc' }, anySignal()), failing('InvalidArgument'));
});

test('a program that runs as a user may open its own output again', async () => {
  const params = await lab.run({
    uid: 1000,
    script: 'echo again > /proc/self/fd/1; echo err > /proc/self/fd/2',
  });
  assert.equal((await lab.untilExit(params.id)).exitCode, 0);
  const entries = readEntries(params.logPath ?? '');
  assert.deepEqual([linesOf(entries, 'stdout'), linesOf(entries, 'stderr')], [['again'], ['err']]);
});

test('a container has its three streams and no other descriptor', async () => {
  const params = await lab.run({ script: 'ls -1 /proc/self/fd' });
  await lab.untilExit(params.id);
  const [, , , own, ...more] = linesOf(readEntries(params.logPath ?? ''), 'stdout');
  // The fourth is the folder that ls reads.
  assert.deepEqual([own, more], ['3', []]);
});

test('a long line becomes partial entries and is whole again', async () => {
  const params = await lab.run({ script: 'head -c 200000 /proc/kallsyms | tr "\\n" "x"; echo; echo next' });
  await lab.untilExit(params.id);
  const entries = readEntries(params.logPath ?? '');
  assert.ok(entries.every(({ text }) => Buffer.byteLength(text) <= 16384));
  const [long = '', next] = linesOf(entries, 'stdout');
  assert.deepEqual([long.length, next], [200000, 'next']);
});

test('a shim without containers has no descriptor more than before', async () => {
  const fds = () =>
    readdirSync(`/proc/${lab.pid}/fd`)
      .map((fd) => readlinkOrGone(`/proc/${lab.pid}/fd/${fd}`))
      .filter((link) => link !== '');
  await deleteAll();
  const before = fds().length;
  for (let round = 0; round < 3; round += 1) {
    await lab.run({ script: 'echo x' });
    await lab.run({ script: 'sleep 100', terminal: true, stdin: true });
    await lab.run({ script: 'cat', stdin: true });
    await assert.rejects(lab.shim.call('create', lab.bundle({ script: '', args: ['/absent'] }), anySignal()));
  }
  await deleteAll();
  assert.equal(fds().length, before, fds().join('\n'));
});

async function deleteAll(): Promise<void> {
  const { containers } = await lab.shim.call('list', {}, anySignal());
  for (const { id } of containers) await lab.shim.call('delete', { id }, anySignal());
}

function readlinkOrGone(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

test('output waits while the disk is full and is in the log afterwards', async () => {
  const { mount, unmount } = await import('../../../runtime/linux/mounts.ts');
  const small = join(lab.disk, 'small');
  mkdirSync(small);
  mount({ source: 'tmpfs', target: small, type: 'tmpfs', data: 'size=64k' });
  try {
    const params = {
      ...lab.bundle({ script: 'i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i+1)); done; exit 3' }),
      logPath: join(small, '0.log'),
    };
    writeFileSync(join(small, 'filler'), Buffer.alloc(60 * 1024));
    await lab.shim.call('create', params, anySignal());
    await lab.shim.call('start', { id: params.id }, anySignal());
    assert.equal((await lab.untilExit(params.id)).exitCode, 3);
    rmSync(join(small, 'filler'));
    await pause(1300);
    const lines = linesOf(readEntries(params.logPath), 'stdout');
    assert.deepEqual(
      lines,
      Array.from({ length: 300 }, (_, index) => `line ${index}`),
    );
    await lab.shim.call('delete', { id: params.id }, anySignal());
  } finally {
    unmount(small);
  }
});
