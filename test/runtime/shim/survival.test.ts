import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { anySignal, Lab, linesOf, pause, readEntries } from './lab.ts';

/** Numbered lines on both streams, a long one among them, and an exit code of its own. */
const counting = (lines: number, exitCode: number): string => `
  (i=0; while [ $i -lt ${lines} ]; do echo "error $i" >&2; i=$((i+1)); [ $((i % 50)) -eq 0 ] && usleep 5000; done) &
  seq 1 ${lines * 20}
  head -c 100000 /dev/zero | tr '\\0' x; echo
  wait; exit ${exitCode}`;

const longLine = 'x'.repeat(100_000);

test('kill -9 of the shim again and again loses no line, doubles none, and keeps exit codes', async () => {
  const lab = new Lab();
  try {
    await lab.start();
    const containers = [];
    for (let index = 0; index < 4; index += 1) {
      containers.push({ code: 10 + index, params: await lab.run({ script: counting(2000, 10 + index) }) });
    }
    for (let kills = 0; kills < 10; kills += 1) {
      await pause(20 + Math.random() * 120);
      await lab.kill();
      await pause(Math.random() * 100);
      lab.startProcess();
      await pause(150);
    }
    for (const { code, params } of containers) {
      const exit = await lab.untilExit(params.id);
      assert.deepEqual([exit.exitCode, exit.reason], [code, 'Exited']);
      const entries = readEntries(params.logPath ?? '');
      const expected = [...Array.from({ length: 40_000 }, (_, index) => String(index + 1)), longLine];
      assertSame(linesOf(entries, 'stdout'), expected);
      assertSame(
        linesOf(entries, 'stderr'),
        Array.from({ length: 2000 }, (_, index) => `error ${index}`),
      );
    }
  } finally {
    await lab.dispose();
  }
});

/** deepEqual of so many lines would print them all. */
function assertSame(actual: readonly string[], expected: readonly string[]): void {
  const at = expected.findIndex((line, index) => line !== actual[index]);
  const around = actual.slice(Math.max(0, at - 2), at + 3).map((line) => line.slice(0, 60));
  assert.equal(
    at,
    -1,
    `line ${at} of ${expected.length} (${actual.length} there): ${JSON.stringify(around)}`,
  );
  assert.equal(actual.length, expected.length);
}

test('a container that ends while no shim is there keeps its output and its exit code', async () => {
  const lab = new Lab();
  try {
    await lab.start();
    const params = await lab.run({
      script: 'usleep 300000; seq 1 5000; printf unfinished; echo last >&2; exit 42',
    });
    await lab.kill();
    await pause(900);
    lab.startProcess();
    const exit = await lab.untilExit(params.id);
    assert.equal(exit.exitCode, 42);
    const entries = readEntries(params.logPath ?? '');
    assertSame(linesOf(entries, 'stdout'), [
      ...Array.from({ length: 5000 }, (_, index) => String(index + 1)),
      'unfinished',
    ]);
    assert.deepEqual(linesOf(entries, 'stderr'), ['last']);
  } finally {
    await lab.dispose();
  }
});

test('input that was closed stays closed though the shim was killed before its holder let go', async () => {
  const lab = new Lab();
  try {
    await lab.start();
    const params = await lab.run({ stdin: true, script: 'cat; exit 6' });
    await lab.kill();
    const path = join(lab.runRoot, 'shim/containers', params.id, 'record.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), stdinClosed: true }));
    lab.startProcess();
    assert.equal((await lab.untilExit(params.id, 10_000)).exitCode, 6);
  } finally {
    await lab.dispose();
  }
});

test('a container that cannot be taken over does not keep others from it, and can be deleted', async () => {
  const lab = new Lab();
  try {
    await lab.start();
    const [broken, whole] = [
      await lab.run({ script: 'sleep 1000' }),
      await lab.run({ script: 'sleep 1000' }),
    ];
    await lab.kill();
    const folder = join(lab.runRoot, 'shim/containers', broken.id);
    rmSync(join(folder, 'stdout.spool'));
    mkdirSync(join(folder, 'stdout.spool'));
    lab.startProcess();
    const { containers } = await lab.shim.call('list', {}, anySignal());
    assert.deepEqual(
      containers.map(({ id }) => id),
      [whole.id],
    );
    await lab.shim.call('delete', { id: broken.id }, anySignal());
    assert.deepEqual(readdirSync(join(lab.runRoot, 'runc')), [whole.id]);
    assert.equal(existsSync(folder), false);
  } finally {
    await lab.dispose();
  }
});

test('a terminal survives kill -9 of the shim', async () => {
  const lab = new Lab();
  try {
    await lab.start();
    const params = await lab.run({
      terminal: true,
      stdin: true,
      script: 'read line; echo "got $line"; exit 5',
    });
    await lab.restart();
    await pause(300);
    const { session } = await lab.shim.call(
      'attachSession',
      { id: params.id, stdin: true, stdout: true, stderr: false },
      anySignal(),
    );
    const attached = await lab.shim.openSession(session, anySignal());
    attached.stdin.write('hello\n');
    assert.equal((await lab.untilExit(params.id)).exitCode, 5);
    const lines = linesOf(readEntries(params.logPath ?? ''), 'stdout');
    assert.deepEqual(lines, ['hello\r', 'got hello\r']);
  } finally {
    await lab.dispose();
  }
});

test('a shim killed during creation leaves nothing of the container', async () => {
  const lab = new Lab();
  try {
    await lab.start();
    for (let round = 0; round < 3; round += 1) {
      const params = lab.bundle({ script: 'sleep 1000' });
      const created = lab.shim.call('create', params, anySignal()).catch((error) => error.code);
      await pause(12 + round * 10);
      await lab.restart();
      const answer = await created;
      const { containers } = await lab.shim.call('list', {}, anySignal());
      const known = containers.some(({ id }) => id === params.id);
      assert.ok(known || answer === 'Unavailable');
      assert.equal(readdirSync(join(lab.runRoot, 'shim/containers')).includes(params.id), known);
      await lab.shim.call('delete', { id: params.id }, anySignal());
      // A runtime that had not come far has no state folder at all.
      const states = join(lab.runRoot, 'runc');
      assert.deepEqual(existsSync(states) ? readdirSync(states) : [], []);
    }
  } finally {
    await lab.dispose();
  }
});

test('rotation keeps every line, also when the shim is killed before it reopens', async () => {
  const lab = new Lab();
  try {
    await lab.start();
    const params = await lab.run({
      script: 'i=0; while [ $i -lt 600 ]; do echo $i; i=$((i+1)); usleep 1000; done',
    });
    const log = params.logPath ?? '';
    await pause(150);
    renameSync(log, `${log}.1`);
    await lab.shim.call('reopenLog', { id: params.id }, anySignal());
    await pause(150);
    renameSync(log, `${log}.2`);
    await lab.restart();
    await lab.untilExit(params.id);
    const lines = linesOf(readEntries(`${log}.1`, `${log}.2`, log), 'stdout');
    assertSame(
      lines,
      Array.from({ length: 600 }, (_, index) => String(index)),
    );
  } finally {
    await lab.dispose();
  }
});
