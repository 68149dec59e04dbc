import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { realtimeNs } from '../../../runtime/linux/clock.ts';
import {
  AGAIN,
  bytesReadable,
  duplicate,
  makePipe,
  punchHole,
  readNow,
  setNonBlocking,
  spliceToFile,
  writeNow,
} from '../../../runtime/linux/fds.ts';
import { makeFifo } from '../../../runtime/linux/nodes.ts';
import { watch } from '../../../runtime/linux/poll.ts';
import {
  decodeWaitStatus,
  exitCodeOf,
  exitOfPidfd,
  openPidfd,
  parseProcessStat,
  peekExit,
  reap,
  signalPidfd,
  startTimeTicks,
  takeFd,
} from '../../../runtime/linux/processes.ts';
import { receiveFds, sendFds, setPeekOffset, socketPair } from '../../../runtime/linux/sockets.ts';

const ready = (fd: number): Promise<void> =>
  new Promise((resolve) => {
    const watching = watch(fd, 'readable', () => {
      watching.close();
      resolve();
    });
  });

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function sleeper(): ChildProcess & { pid: number } {
  const child = spawn('sleep', ['100'], { stdio: 'ignore' });
  assert.ok(child.pid !== undefined);
  return Object.assign(child, { pid: child.pid });
}

test('a pidfd turns readable when its process ends, and tells how on kernels that can', async () => {
  const child = sleeper();
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const pidfd = openPidfd(child.pid);
  try {
    assert.equal(peekExit(pidfd), 'running');
    assert.equal(signalPidfd(pidfd, 15), true);
    await ready(pidfd);
    // Node reaps it: its own children keep their codes beside our polls.
    assert.equal(await ended, 'SIGTERM');
    assert.equal(signalPidfd(pidfd, 15), false);
    const told = exitOfPidfd(pidfd);
    if (told !== undefined) assert.deepEqual(told, { exitCode: undefined, signal: 15 });
  } finally {
    closeSync(pidfd);
  }
});

test('a process of another parent is not a child, and one that is gone cannot be opened', async () => {
  const first = openPidfd(1);
  assert.equal(peekExit(first), 'not-a-child');
  closeSync(first);
  assert.equal(reap(1), 'not-a-child');
  const child = sleeper();
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  assert.throws(() => openPidfd(child.pid), /ESRCH/);
  assert.equal(startTimeTicks(child.pid), undefined);
});

test('wait statuses are decoded', () => {
  assert.equal(exitCodeOf(decodeWaitStatus(42 << 8)), 42);
  assert.equal(exitCodeOf(decodeWaitStatus(9)), 137);
  assert.equal(exitCodeOf(decodeWaitStatus(11 | 0x80)), 139);
});

test('a stat line is read though the name has parentheses and blanks', () => {
  const own = readFileSync('/proc/self/stat', 'utf8');
  const odd = own.replace(/\(.*\)/, '(a) b (c)');
  assert.deepEqual(parseProcessStat(odd), parseProcessStat(own));
  assert.equal(parseProcessStat(own).startTimeTicks, startTimeTicks(process.pid));
});

test('three hundred watched pipes each tell of their own bytes', async () => {
  const pipes = Array.from({ length: 300 }, makePipe);
  try {
    const seen = pipes.map(({ read }, index) => ready(read).then(() => readOne(read) === index % 250));
    for (const [index, { write }] of pipes.entries()) writeSync(write, Buffer.from([index % 250]));
    globalThis.gc?.();
    assert.ok((await Promise.all(seen)).every(Boolean));
  } finally {
    for (const { read, write } of pipes) [read, write].map((fd) => closeSync(fd));
  }
});

function readOne(fd: number): number | undefined {
  const byte = Buffer.alloc(1);
  readNow(fd, byte);
  return byte[0];
}

test('a watch that is paused is silent, and goes on when resumed', async () => {
  const { read, write } = makePipe();
  let calls = 0;
  const watching = watch(read, 'readable', () => {
    calls += 1;
    readOne(read);
  });
  try {
    watching.pause();
    writeSync(write, 'x');
    await pause(30);
    assert.equal(calls, 0);
    watching.resume();
    await pause(30);
    assert.equal(calls, 1);
  } finally {
    watching.close();
    closeSync(read);
    closeSync(write);
  }
});

test('a pipe answers again, bytes, and its end', () => {
  const { read, write } = makePipe();
  const buffer = Buffer.alloc(10);
  try {
    setNonBlocking(read);
    assert.equal(readNow(read, buffer), AGAIN);
    assert.equal(writeNow(write, Buffer.from('abc')), 3);
    assert.equal(bytesReadable(read), 3);
    assert.equal(readNow(read, buffer), 3);
  } finally {
    closeSync(write);
  }
  assert.equal(readNow(read, buffer), 0);
  closeSync(read);
});

test('splice moves a pipe’s bytes to an offset of a file, and a hole gives its pages back', () => {
  const folder = mkdtempSync('/dev/shm/berth-splice-');
  const { read, write } = makePipe();
  const file = openSync(join(folder, 'file'), constants.O_RDWR | constants.O_CREAT);
  try {
    writeSync(write, 'spliced');
    assert.equal(spliceToFile(read, file, 8192, 65536), 7);
    assert.equal(spliceToFile(read, file, 8199, 65536), AGAIN);
    assert.equal(readFileSync(join(folder, 'file')).subarray(8192).toString(), 'spliced');
    punchHole(file, 8192, 12288);
    assert.deepEqual(readFileSync(join(folder, 'file')).subarray(8192), Buffer.alloc(7));
  } finally {
    for (const fd of [read, write, file]) closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});

test('descriptors travel with messages, and a peek leaves them where they are', () => {
  const [into, from] = socketPair();
  const folder = mkdtempSync('/dev/shm/berth-fds-');
  makeFifo(join(folder, 'fifo'));
  const fd = openSync(join(folder, 'fifo'), constants.O_RDWR);
  const opened: number[] = [into, from, fd];
  try {
    for (const name of ['one', 'two']) sendFds(into, Buffer.from(name), [fd, fd]);
    setPeekOffset(from, 0);
    const peeked = [1, 2, 3].map(() => receiveFds(from, { peek: true }));
    assert.deepEqual(
      peeked.map((message) => message?.data.toString()),
      ['one', 'two', undefined],
    );
    setPeekOffset(from, -1);
    const received = receiveFds(from);
    for (const message of [...peeked, received]) opened.push(...(message?.fds ?? []));
    assert.equal(received?.data.toString(), 'one');
    assert.equal(received?.fds.length, 2);
    writeSync(received?.fds[0] ?? -1, 'x');
    assert.equal(bytesReadable(fd), 1);
    assert.match(readFileSync(`/proc/self/fdinfo/${received?.fds[0]}`, 'utf8'), /^flags:\s+0?2/m);
  } finally {
    for (const each of opened) closeSync(each);
    rmSync(folder, { recursive: true });
  }
});

test('a descriptor of another process can be taken', async () => {
  const { read, write } = makePipe();
  const child = spawn('sleep', ['100'], { stdio: ['ignore', 'ignore', 'ignore', write] });
  const pidfd = openPidfd(child.pid ?? 0);
  const taken = takeFd(pidfd, 3);
  try {
    writeSync(taken, 'y');
    assert.equal(bytesReadable(read), 1);
    const copy = duplicate(taken);
    closeSync(copy);
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    for (const fd of [read, write, pidfd, taken]) closeSync(fd);
  }
});

test('the clock has nanoseconds', () => {
  const now = realtimeNs();
  assert.ok(Math.abs(Number(now / 1_000_000n) - Date.now()) < 1000);
  assert.ok(new Set(Array.from({ length: 10 }, () => realtimeNs() % 1000n)).size > 1);
});
