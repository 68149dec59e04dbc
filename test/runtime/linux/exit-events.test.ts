import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type ExitEvents, listenForExits } from '../../../runtime/linux/exit-events.ts';

const listening = (t: TestContext): ExitEvents => {
  const events = listenForExits();
  assert.ok(events, 'root may listen');
  t.after(() => events.close());
  return events;
};

/** A process whose parent is not ours, as a container is after its shim was replaced: sh prints its pid and goes. */
const orphan = async (script: string): Promise<number> => {
  const parent = spawn('sh', ['-c', `(${script}) > /dev/null & echo $!`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [text] = (await once(parent.stdout, 'data')) as [Buffer];
  return Number(text.toString());
};

const endOf = async (events: ExitEvents, pid: number): Promise<ReturnType<ExitEvents['endOf']>> => {
  for (let tries = 0; tries < 100; tries += 1) {
    const status = events.endOf(pid);
    if (status !== undefined) return status;
    await pause(20);
  }
  return undefined;
};

test("the exit code of somebody else's child is told", async (t) => {
  const events = listening(t);
  const pid = await orphan('sleep 0.3; exit 7');
  events.follow(pid);
  assert.equal(events.endOf(pid), undefined);
  assert.deepEqual(await endOf(events, pid), { exitCode: 7, signal: undefined });
});

test("the signal that ended somebody else's child is told", async (t) => {
  const events = listening(t);
  const pid = await orphan('sleep 0.3; kill -KILL $(exec sh -c "echo \\$PPID")');
  events.follow(pid);
  assert.deepEqual(await endOf(events, pid), { exitCode: undefined, signal: 9 });
});

test('the code of a process counts, not that of its threads', async (t) => {
  const events = listening(t);
  const pid = await orphan(`exec ${process.execPath} -e 'setTimeout(() => process.exit(42), 300)'`);
  events.follow(pid);
  await pause(1500);
  assert.deepEqual(await endOf(events, pid), { exitCode: 42, signal: undefined });
});

test('ends that nobody follows are forgotten', async (t) => {
  const events = listening(t);
  const pid = await orphan('exit 3');
  await pause(200);
  assert.equal(events.endOf(pid), undefined);
});
