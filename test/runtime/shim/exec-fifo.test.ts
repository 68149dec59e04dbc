import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { failedWith } from '../../../runtime/core/fail.ts';
import { releaseInit } from '../../../runtime/shim/server/containers/exec-fifo.ts';
import { anySignal, Lab, linesOf, pause, readEntries } from './lab.ts';

const started = async (t: TestContext): Promise<Lab> => {
  const lab = new Lab();
  t.after(() => lab.dispose());
  return lab.start();
};

const stateIn = (lab: Lab, id: string): string =>
  JSON.parse(execFileSync('runc', ['--root', join(lab.runRoot, 'runc'), 'state', id], { encoding: 'utf8' }))
    .status;

test('a container that is started through the FIFO runs, and runc takes it for running', async (t) => {
  const lab = await started(t);
  const params = lab.bundle({ script: 'echo hello; read line; exit 7', stdin: true, byFifo: true });
  await lab.shim.call('create', params, anySignal());
  assert.equal(stateIn(lab, params.id), 'created');
  await lab.shim.call('start', { id: params.id }, anySignal());
  assert.equal(stateIn(lab, params.id), 'running');
  const { containers } = await lab.shim.call('list', {}, anySignal());
  assert.notEqual(containers.find(({ id }) => id === params.id)?.startedAtNs, null);
  await assert.rejects(lab.shim.call('start', { id: params.id }, anySignal()), (error) =>
    failedWith(error, 'FailedPrecondition'),
  );
  const { session } = await lab.shim.call(
    'attachSession',
    { id: params.id, stdin: true, stdout: false, stderr: false },
    anySignal(),
  );
  const attached = await lab.shim.openSession(session, anySignal());
  attached.stdin.end('go on\n');
  assert.equal((await lab.untilExit(params.id)).exitCode, 7);
  assert.deepEqual(linesOf(readEntries(params.logPath ?? ''), 'stdout'), ['hello']);
  await lab.shim.call('delete', { id: params.id }, anySignal());
  assert.equal(existsSync(join(lab.runRoot, 'runc', params.id)), false);
});

test('a program that the kernel refuses ends its container, whichever way it is started', async (t) => {
  const lab = await started(t);
  writeFileSync(join(lab.disk, 'rootfs/bin/nonsense'), 'no program', { mode: 0o755 });
  const outcomes = [];
  for (const byFifo of [false, true]) {
    const params = await lab.run({ script: '', args: ['/bin/nonsense'], byFifo });
    const { exitCode, reason } = await lab.untilExit(params.id);
    outcomes.push({ exitCode, reason });
  }
  assert.deepEqual(outcomes[1], outcomes[0]);
  assert.notEqual(outcomes[1]?.exitCode, 0);
});

test('a container that ended is not started', async (t) => {
  const lab = await started(t);
  const { id, ...params } = lab.bundle({ script: 'true', byFifo: true });
  const { pid } = await lab.shim.call('create', { id, ...params }, anySignal());
  process.kill(pid, 'SIGKILL');
  await assert.rejects(lab.shim.call('start', { id }, anySignal()), (error) =>
    failedWith(error, 'FailedPrecondition'),
  );
});

const O_PATH = 0o10000000;

test('a program that has ended before anybody looks at the FIFO was started', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-fifo-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'exec.fifo');
  execFileSync('mkfifo', [path]);
  // As runc's init has it: by a descriptor, since the name goes.
  const fd = openSync(path, O_PATH);
  const stdio = ['ignore', 'ignore', 'ignore', fd] as const;
  const program = spawn('sh', ['-c', 'printf 0 > /proc/self/fd/3'], { stdio: [...stdio] });
  closeSync(fd);
  const end = Promise.withResolvers<void>();
  const released = releaseInit(path, end.promise, 10_000);
  // This thread does not look; so it hears of the end first.
  execFileSync('sh', ['-c', `until grep -q '^State:.*Z' /proc/${program.pid}/status; do sleep 0.01; done`]);
  end.resolve();
  await released;
});

test('where the FIFO is not where it should be, runc starts the container', async (t) => {
  const lab = await started(t);
  const params = { ...lab.bundle({ script: 'exit 4' }), execFifo: join(lab.runRoot, 'elsewhere') };
  await lab.shim.call('create', params, anySignal());
  await lab.shim.call('start', { id: params.id }, anySignal());
  assert.equal((await lab.untilExit(params.id)).exitCode, 4);
});

test('twenty at once are each started once', async (t) => {
  const lab = await started(t);
  const all = Array.from({ length: 20 }, (_, index) =>
    lab.bundle({ script: `echo ${index}; exit ${index}`, byFifo: true }),
  );
  await Promise.all(all.map((params) => lab.shim.call('create', params, anySignal())));
  await Promise.all(all.map(({ id }) => lab.shim.call('start', { id }, anySignal())));
  for (const [index, { id, logPath }] of all.entries()) {
    assert.equal((await lab.untilExit(id)).exitCode, index);
    assert.deepEqual(linesOf(readEntries(logPath ?? ''), 'stdout'), [String(index)]);
  }
});

test('a shim killed at a start knows afterwards what came of it', async (t) => {
  const lab = await started(t);
  for (let round = 0; round < 4; round += 1) {
    const params = lab.bundle({ script: 'echo once; exit 3', byFifo: true });
    await lab.shim.call('create', params, anySignal());
    const answer = lab.shim.call('start', { id: params.id }, anySignal()).catch(() => {});
    await pause(round / 2);
    await lab.restart();
    await answer;
    const { containers } = await lab.shim.call('list', {}, anySignal());
    const known = containers.find(({ id }) => id === params.id);
    // Killed before it reached for the FIFO: nobody was let go, and the next start does it.
    if (known?.startedAtNs === null && known.exit === null)
      await lab.shim.call('start', { id: params.id }, anySignal());
    const { exitCode } = await lab.untilExit(params.id);
    const said = linesOf(readEntries(params.logPath ?? ''), 'stdout');
    assert.ok(exitCode === 3 ? said.length === 1 : said.length === 0, `exit code ${exitCode}, said ${said}`);
    await lab.shim.call('delete', { id: params.id }, anySignal());
  }
});
