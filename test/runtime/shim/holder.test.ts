import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { bytesReadable, makePipe } from '../../../runtime/linux/fds.ts';
import { memory, systemCall } from '../../../runtime/linux/ffi.ts';
import { openPidfd, takeFd } from '../../../runtime/linux/processes.ts';
import { receiveFds, sendFds, socketPair } from '../../../runtime/linux/sockets.ts';
import type { Holder } from '../../../runtime/shim/server/holder/holder.ts';
import { ProcessHolder } from '../../../runtime/shim/server/holder/process-holder.ts';
import { SystemdHolder } from '../../../runtime/shim/server/holder/systemd-holder.ts';

/** Holders on the same pid file, one after another, as successive shims open them. */
async function holders(work: (next: () => Holder, pid: () => number) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync('/dev/shm/berth-holder-');
  const path = join(folder, 'holder.json');
  const before = readdirSync('/proc/self/fd').length;
  const pid = (): number => JSON.parse(readFileSync(path, 'utf8')).pid;
  const opened: Holder[] = [];
  const next = () => {
    opened.at(-1)?.close();
    const holder = new ProcessHolder(path);
    opened.push(holder);
    return holder;
  };
  try {
    await work(next, pid);
    opened.at(-1)?.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(readdirSync('/proc/self/fd').length, before);
  } finally {
    try {
      process.kill(pid(), 'SIGKILL');
    } catch {
      // It ended with the last descriptor, as it should.
    }
    rmSync(folder, { recursive: true });
  }
}

/** Keeps the reading end of a pipe that holds `size` bytes, and closes every descriptor of this process. */
function keepPipe(holder: Holder, name: string, size: number): void {
  const { read, write } = makePipe();
  writeSync(write, Buffer.alloc(size));
  holder.keep(name, read);
  closeSync(read);
  closeSync(write);
}

function takeSize(holder: Holder, name: string): number | undefined {
  const fd = holder.take(name);
  if (fd === undefined) return undefined;
  const size = bytesReadable(fd);
  closeSync(fd);
  return size;
}

test('what was kept outlives the descriptors and the shim, again and again', () =>
  holders((next) => {
    const first = next();
    for (let index = 1; index <= 300; index += 1) keepPipe(first, `pipe-${index}`, index);
    for (let shims = 0; shims < 3; shims += 1) {
      const holder = next();
      for (let index = 1; index <= 300; index += 1) assert.equal(takeSize(holder, `pipe-${index}`), index);
      assert.equal(takeSize(holder, 'pipe-1'), undefined);
    }
    const last = next();
    last.forgetRest();
  }));

test('a holder that somebody killed is followed by another that keeps the same', () =>
  holders(async (next, pid) => {
    keepPipe(next(), 'name', 3);
    const killed = pid();
    process.kill(killed, 'SIGKILL');
    for (let waited = 0; pid() === killed && waited < 500; waited += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.notEqual(pid(), killed);
    const second = next();
    assert.equal(takeSize(second, 'name'), 3);
    second.drop(['name'], 'now');
  }));

test('what was dropped is gone and the rest is there', () =>
  holders((next) => {
    const first = next();
    for (let index = 1; index <= 300; index += 1) keepPipe(first, `pipe-${index}`, index);
    for (let index = 1; index <= 250; index += 1) first.drop([`pipe-${index}`]);
    keepPipe(first, 'later', 7);
    first.drop(['pipe-299'], 'now');
    const second = next();
    assert.equal(takeSize(second, 'pipe-300'), 300);
    assert.equal(takeSize(second, 'later'), 7);
    assert.deepEqual([takeSize(second, 'pipe-299'), takeSize(second, 'pipe-1')], [undefined, undefined]);
    second.forgetRest();
    second.drop(['pipe-300', 'later']);
  }));

test('a name that was kept twice means the later descriptor', () =>
  holders((next) => {
    const first = next();
    keepPipe(first, 'name', 1);
    keepPipe(first, 'name', 2);
    const second = next();
    assert.equal(takeSize(second, 'name'), 2);
    second.drop(['name'], 'now');
  }));

test('a shim killed while it compacted leaves two generations, of which the later counts', () =>
  holders((next, pid) => {
    keepPipe(next(), 'old', 1);
    const pidfd = openPidfd(pid());
    const outer = [takeFd(pidfd, 3), takeFd(pidfd, 4)] as const;
    const generation = socketPair();
    const { read, write } = makePipe();
    writeSync(write, 'ab');
    sendFds(generation[0], Buffer.from('new'), [read]);
    sendFds(outer[0], Buffer.from('generation'), [...generation]);
    for (const fd of [pidfd, ...generation, read, write]) closeSync(fd);
    const second = next();
    assert.deepEqual([takeSize(second, 'new'), takeSize(second, 'old')], [2, undefined]);
    const third = next();
    assert.equal(takeSize(third, 'new'), 2);
    third.forgetRest();
    third.drop(['new'], 'now');
    assert.equal(receiveFds(outer[1], { peek: true })?.fds.map((fd) => closeSync(fd)).length, 2);
    for (const fd of outer) closeSync(fd);
  }));

/** A datagram socket as systemd's: what services send to NOTIFY_SOCKET arrives here with its descriptors. */
function notifySocket(path: string): number {
  const socket = systemCall('socket', ['int', 'int', 'int'])(1, 2 | 0o2000000, 0);
  const address = memory(3 + path.length);
  address.writeUInt16LE(1, 0);
  address.write(path, 2);
  systemCall('bind', ['int', 'void *', 'uint'])(socket, address, address.length);
  return socket;
}

test('systemd is given descriptors that it must not watch, and gives them back by name', () => {
  const folder = mkdtempSync('/dev/shm/berth-store-');
  const socket = notifySocket(join(folder, 'notify'));
  const fds = [socket];
  try {
    const holder = new SystemdHolder(join(folder, 'notify'), {});
    keepPipe(holder, 'abc.stdout', 5);
    const kept = receiveFds(socket);
    fds.push(...(kept?.fds ?? []));
    assert.equal(kept?.data.toString(), 'FDSTORE=1\nFDPOLL=0\nFDNAME=abc.stdout\n');
    holder.drop(['abc.stdout']);
    assert.equal(receiveFds(socket)?.data.toString(), 'FDSTOREREMOVE=1\nFDNAME=abc.stdout\n');

    // The next start finds it as descriptor 3.
    const program = `
      import { SystemdHolder } from ${JSON.stringify(new URL('../../../runtime/shim/server/holder/systemd-holder.ts', import.meta.url).href)};
      const holder = new SystemdHolder(${JSON.stringify(join(folder, 'notify'))}, { LISTEN_PID: String(process.pid), LISTEN_FDS: '2', LISTEN_FDNAMES: 'abc.stdout:stale' });
      console.log(holder.take('abc.stdout'), holder.take('absent'));
      holder.forgetRest();`;
    const [fd = -1] = kept?.fds ?? [];
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'pipe', fd, fd],
      encoding: 'utf8',
    });
    assert.equal(stdout, '3 undefined\n', stderr);
    assert.equal(receiveFds(socket)?.data.toString(), 'FDSTOREREMOVE=1\nFDNAME=stale\n');
  } finally {
    for (const each of fds) closeSync(each);
    rmSync(folder, { recursive: true });
  }
});
