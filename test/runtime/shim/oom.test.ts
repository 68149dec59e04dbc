import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { cgroupOfOomKill, type OomWatch, watchOom } from '../../../runtime/shim/server/containers/oom.ts';
import { pause } from './lab.ts';

const v1 = existsSync('/sys/fs/cgroup/memory/memory.oom_control');
const hierarchy = v1 ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup';

/** Runs a command in a cgroup of 16 MiB that is removed when it has ended; answers the cgroup's counter. */
async function endIn(argv: readonly string[]): Promise<string> {
  const folder = join(hierarchy, `berth-oom-${randomBytes(4).toString('hex')}`);
  mkdirSync(folder);
  try {
    writeFileSync(join(folder, v1 ? 'memory.limit_in_bytes' : 'memory.max'), String(16 << 20));
    if (!v1) writeFileSync(join(folder, 'memory.swap.max'), '0');
    const script = `echo $$ > ${folder}/cgroup.procs && exec "$@"`;
    const child = spawn('sh', ['-c', script, 'sh', ...argv], { stdio: 'ignore' });
    const [, signal] = await once(child, 'exit');
    assert.equal(signal, 'SIGKILL');
  } finally {
    rmdirSync(folder);
  }
  return join(folder, v1 ? 'memory.oom_control' : 'memory.events');
}

function kernelLogIsOurs(): boolean {
  try {
    closeSync(openSync('/dev/kmsg', 'r'));
    return true;
  } catch {
    return false;
  }
}

const skip = kernelLogIsOurs() ? false : 'the kernel log cannot be read here';

test('an OOM kill in a cgroup that is gone is known from the kernel log', { skip }, async () => {
  const watched = watchOom(await endIn(['busybox', 'tail', '/dev/zero']));
  assert.equal(watched.happened(true), true);
  assert.equal(watched.happened(true), true, 'and stays known');
  watched.close();
});

test('a SIGKILL in a cgroup that is gone is no OOM kill', { skip }, async () => {
  const oom = await endIn(['busybox', 'tail', '/dev/zero']);
  const watched = watchOom(await endIn(['sh', '-c', 'kill -KILL $$']));
  assert.equal(watched.happened(true), false);
  watched.close();
  assert.equal(watchOom(oom).happened(true), true, 'what was read for another container is kept for its own');
});

test('a kill that is counted just after a notice is seen before the cgroup goes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-oom-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [counter, before, after] = ['memory.events', 'before', 'after'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(before, 'max 0\noom 0\noom_kill 0\n');
  writeFileSync(after, 'max 9\noom 1\noom_kill 1\n');
  symlinkSync(before, counter);
  const watched = watchOom(counter);
  t.after(() => watched.close());
  writeFileSync(before, 'max 1\noom 0\noom_kill 0\n');
  await pause(5);
  // Another file: unlike a change of the watched one, it gives no notice.
  unlinkSync(counter);
  symlinkSync(after, counter);
  await pause(60);
  unlinkSync(counter);
  assert.equal(watched.happened(true), true);
});

test('a kill whose cgroup is gone is told from those of its siblings by the count of the cgroup above', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-oom-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const count = (cgroup: string, kills: number): string => {
    mkdirSync(join(folder, cgroup), { recursive: true });
    const counter = join(folder, cgroup, 'memory.events');
    writeFileSync(counter, `max 9\noom ${kills}\noom_kill ${kills}\n`);
    return counter;
  };
  const vanish = (cgroup: string): void => rmSync(join(folder, cgroup), { recursive: true });
  count('.', 4);
  const [loud, hungry, quiet] = ['loud', 'hungry', 'quiet'].map((name) => watchOom(count(name, 0))) as [
    OomWatch,
    OomWatch,
    OomWatch,
  ];
  t.after(() => {
    for (const watched of [loud, hungry, quiet]) watched.close();
  });
  count('loud', 2);
  count('.', 6);
  vanish('quiet');
  assert.equal(quiet.happened(true), false, 'all kills are of the one that is still there');
  count('.', 7);
  vanish('hungry');
  assert.equal(hungry.happened(false), false, 'its first process ended by itself');
  assert.equal(hungry.happened(true), true, 'a kill that nobody else has counted');
  hungry.close();
  vanish('loud');
  assert.equal(loud.happened(true), true);
  const next = watchOom(count('next', 0));
  vanish('next');
  assert.equal(next.happened(true), false, 'what the gone ones had is theirs');
  next.close();
});

test('the cgroup of an OOM kill is read from what the kernel says', () => {
  const summary = (group: string, task: string) =>
    `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0-1,3,oom_memcg=/a.slice,task_memcg=${group},task=${task},pid=7,uid=0`;
  const cases = [
    [summary('/a.slice/berth-1.scope', 'tail'), '/a.slice/berth-1.scope'],
    [summary('/a.slice/berth-1.scope', ',task_memcg=/x'), '/a.slice/berth-1.scope'],
    [`systemd[1]: ${summary('/a', 'tail')}`, undefined],
    ['Memory cgroup out of memory: Killed process 7 (tail) total-vm:1kB', undefined],
  ] as const;
  for (const [message, cgroup] of cases) assert.equal(cgroupOfOomKill(message), cgroup, message);
});
