import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type CgroupHost, detectCgroups } from '../../../runtime/resources/cgroup-host.ts';
import { limitHugePages } from '../../../runtime/resources/limit-huge-pages.ts';
import { openFilesLimit, takeCensus } from '../../../runtime/resources/usage/census.ts';
import { createCpuRates } from '../../../runtime/resources/usage/cpu-rate.ts';
import { parseInterfaces } from '../../../runtime/resources/usage/interfaces.ts';
import { cgroupReader } from '../../../runtime/resources/usage/reader.ts';
import { createShelf } from '../../../runtime/resources/usage/shelf.ts';

/** Files in the form in which kernels write them, those of v2 as before 5.18: without the sums of later ones. */
const RECORDED = join(import.meta.dirname, 'cgroups');
const V1 = ['cpu', 'cpuacct', 'memory', 'pids', 'blkio', 'hugetlb'];

const host = (mode: CgroupHost['mode'], root: string): CgroupHost =>
  mode === 'v2'
    ? { mode, controllers: new Map([...V1, 'io'].map((name) => [name, root])), unified: root }
    : { mode, controllers: new Map(V1.map((name) => [name, join(root, name)])), unified: undefined };

const v1 = cgroupReader(host('v1', join(RECORDED, 'v1')));
const v2 = cgroupReader(host('v2', join(RECORDED, 'v2')));

test('CPU time is in nanoseconds on both versions, and beyond 2^53', () => {
  assert.deepEqual(v1.cpu('/pod/one'), { usageNs: 19_446_744_073_709_551n, pressure: undefined });
  assert.equal(v2.cpu('/pod/one')?.usageNs, 19_446_744_073_709_551_000n);
  assert.deepEqual(v1.cpuTimes('/pod/one'), {
    userNs: 312_500_000n,
    systemNs: 187_500_000n,
    periods: 240,
    throttledPeriods: 31,
    throttledNs: 2_718_281_828n,
  });
  assert.deepEqual(v2.cpuTimes('/pod/one'), {
    userNs: 13_446_744_073_709_000_000n,
    systemNs: 6_000_000_000_000_551_000n,
    periods: 240,
    throttledPeriods: 31,
    throttledNs: 2_718_281_000n,
  });
});

test('pressure has some and full, and of the CPU of an older kernel some alone', () => {
  assert.deepEqual(v2.memory('/pod/one')?.pressure, {
    some: { totalNs: 6_175_000n, avg10: 1.25, avg60: 0.5, avg300: 0.11 },
    full: { totalNs: 4_000_000n, avg10: 1, avg60: 0.4, avg300: 0.09 },
  });
  const cpu = v2.cpu('/pod/one')?.pressure;
  assert.deepEqual([cpu?.some.totalNs, cpu?.full], [93_127_000n, undefined]);
  assert.equal(v2.ioPressure('/pod/one')?.full?.totalNs, 77_000n);
  assert.equal(v1.ioPressure('/pod/one'), undefined);
});

test('memory of v1 counts the cgroups below; what is left for swap is the difference of two limits', () => {
  assert.deepEqual(v1.memory('/pod/one'), {
    usageBytes: 50_331_648,
    limitBytes: 67_108_864,
    workingSetBytes: 41_943_040,
    rssBytes: 33_554_432,
    cacheBytes: 12_582_912,
    mappedFileBytes: 4_194_304,
    pageFaults: 9001,
    majorPageFaults: 17,
    pressure: undefined,
    swap: { usageBytes: 1_048_576, limitBytes: 33_554_432 },
  });
  assert.deepEqual(v1.memoryEvents('/pod/one'), {
    maxUsageBytes: 67_108_864,
    kernelBytes: 2_097_152,
    limitHits: 42,
    oomKills: 3,
  });
});

test('memory of v2', () => {
  const { pressure: _, ...memory } = v2.memory('/pod/one') ?? {};
  assert.deepEqual(memory, {
    usageBytes: 50_331_648,
    limitBytes: 67_108_864,
    workingSetBytes: 41_943_040,
    rssBytes: 33_554_432,
    cacheBytes: 12_582_912,
    mappedFileBytes: 4_194_304,
    pageFaults: 9001,
    majorPageFaults: 17,
    swap: { usageBytes: 1_048_576, limitBytes: 33_554_432 },
  });
  assert.deepEqual(v2.memoryEvents('/pod/one'), {
    maxUsageBytes: undefined,
    kernelBytes: 2_097_152,
    limitHits: 42,
    oomKills: 3,
  });
});

test('no limit is no number', () => {
  assert.equal(v1.memory('/unlimited')?.limitBytes, undefined);
  assert.equal(v1.memory('/unlimited')?.swap, undefined, 'a kernel without accounting of swap');
  assert.equal(v2.memory('/unlimited')?.limitBytes, undefined);
  assert.deepEqual(v2.memory('/unlimited')?.swap, { usageBytes: 0, limitBytes: undefined });
  assert.deepEqual(
    [v1.tasks('/unlimited'), v2.tasks('/unlimited')],
    [
      { count: 1, limit: undefined },
      { count: 1, limit: undefined },
    ],
  );
  assert.equal(v2.memory('/unlimited')?.workingSetBytes, 0, 'inactive pages can outnumber the charged ones');
});

test('threads, devices and huge pages', () => {
  assert.deepEqual(
    [v1.tasks('/pod/one'), v2.tasks('/pod/one')],
    [
      { count: 12, limit: 100 },
      { count: 12, limit: 100 },
    ],
  );
  const device = { major: 8, minor: 0, readBytes: 40_960, writtenBytes: 8192, reads: 10, writes: 2 };
  assert.deepEqual(v1.io('/pod/one'), [device]);
  assert.deepEqual(v2.io('/pod/one'), [
    device,
    { major: 254, minor: 16, readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 },
  ]);
  const sizes = ['2MB', '1GB'];
  assert.deepEqual(v1.hugePages('/pod/one', sizes), [
    { pageSize: '2MB', usageBytes: 4_194_304, maxUsageBytes: 6_291_456 },
  ]);
  assert.deepEqual(v2.hugePages('/pod/one', sizes), [
    { pageSize: '2MB', usageBytes: 4_194_304, maxUsageBytes: undefined },
  ]);
});

test('processes are counted in the cgroups below too', () => {
  assert.deepEqual(
    v1.processes('/pod').toSorted((a, b) => a - b),
    [100, 101, 4_194_303],
  );
  assert.deepEqual(v2.processes('/pod/one'), [100, 101]);
});

test('a cgroup that is gone tells nothing', () => {
  for (const reader of [v1, v2]) {
    assert.equal(reader.cpu('/gone'), undefined);
    assert.equal(reader.cpuTimes('/gone'), undefined);
    assert.equal(reader.memory('/gone'), undefined);
    assert.equal(reader.memoryEvents('/gone'), undefined);
    assert.equal(reader.tasks('/gone'), undefined);
    assert.deepEqual(
      [reader.io('/gone'), reader.hugePages('/gone', ['2MB']), reader.processes('/gone')],
      [[], [], []],
    );
  }
});

const here = await detectCgroups();
test('a real cgroup of version 2 tells CPU time and pressure', {
  skip: here.unified === undefined ? 'no cgroup2 is mounted' : false,
}, async (t) => {
  const path = `/berth-test-${randomBytes(4).toString('hex')}`;
  const folder = join(here.unified ?? '', path);
  mkdirSync(folder);
  const worker = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
  const ended = once(worker, 'exit');
  t.after(async () => {
    worker.kill('SIGKILL');
    await ended;
    rmdirSync(folder);
  });
  writeFileSync(join(folder, 'cgroup.procs'), String(worker.pid));
  const reader = cgroupReader({ ...here, mode: 'v2' });
  const usage = () => reader.cpu(path);
  for (const deadline = Date.now() + 20_000; (usage()?.usageNs ?? 0n) < 10_000_000n; await pause(10))
    assert.ok(Date.now() < deadline, 'it works, and no CPU time is told');
  const now = usage();
  const times = reader.cpuTimes(path);
  assert.ok(times !== undefined && times.userNs + times.systemNs > 0n);
  assert.deepEqual(reader.processes(path), [worker.pid]);
  if (existsSync(join(folder, 'cpu.pressure'))) {
    assert.ok((now?.pressure?.some.totalNs ?? -1n) >= 0n);
    assert.ok(reader.ioPressure(path)?.full !== undefined);
  }
});

const copy = (t: TestContext, version: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-cgroups-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(RECORDED, version), folder, { recursive: true });
  return folder;
};

test('limits of huge pages go where each version has them', (t) => {
  for (const [version, file] of [
    ['v1', 'hugetlb/pod/one/hugetlb.2MB.limit_in_bytes'],
    ['v2', 'pod/one/hugetlb.2MB.max'],
  ] as const) {
    const folder = copy(t, version);
    const { controllers } = host(version, folder);
    const limit = (pageSize: string, bytes: number) =>
      limitHugePages({ mode: version, controllers }, '/pod/one', [{ pageSize, limit: bytes }]);
    limit('2MB', 2_097_152);
    limit('1GB', 0);
    assert.throws(() => limit('1GB', 1), {
      code: 'FailedPrecondition',
      message: /hugetlb\.1GB\.\w+ to limit/,
    });
    assert.equal(readText(join(folder, file)), '2097152');
  }
});

const readText = (path: string): string => readFileSync(path, 'utf8');

test('a census counts what processes have open, and no process that has ended', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const own = readdirSync('/proc/self/fd');
  const ended = spawn('true', { stdio: 'ignore' });
  await once(ended, 'exit');
  const census = await takeCensus([process.pid, ended.pid ?? 0]);
  assert.equal(census.processes, 1);
  // Each listing has a descriptor of its own, and the event loop may make some.
  assert.ok(Math.abs(census.fileDescriptors - own.length) <= 3, `${census.fileDescriptors} ${own.length}`);
  assert.ok(census.sockets >= 1);
  assert.ok((openFilesLimit(process.pid) ?? 0) > 0);
  assert.equal(openFilesLimit(ended.pid ?? 0), undefined);
});

test('interfaces are told without loopback, also when a name touches its count', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     840      10    0    0    0     0          0         0      840      10    0    0    0     0       0          0
  eth0:12345678901    1234    1    2    0     0          0         0     5678      56    3    4    0     0       0          0
net1.100:      1       2    3    4    0     0          0         0        5       6    7    8    0     0       0          0
`;
  assert.deepEqual(parseInterfaces(text), [
    {
      name: 'eth0',
      received: { bytes: 12_345_678_901, packets: 1234, errors: 1, dropped: 2 },
      sent: { bytes: 5678, packets: 56, errors: 3, dropped: 4 },
    },
    {
      name: 'net1.100',
      received: { bytes: 1, packets: 2, errors: 3, dropped: 4 },
      sent: { bytes: 5, packets: 6, errors: 7, dropped: 8 },
    },
  ]);
  assert.deepEqual(parseInterfaces(''), []);
});

test('the rate of a counter is that of the last window which was long enough', () => {
  const rates = createCpuRates();
  const second = 1_000_000_000n;
  assert.equal(rates.next('a', 5n * second, 0n), undefined);
  assert.equal(rates.next('a', 6n * second, 2n * second), second / 2n);
  assert.equal(rates.next('a', 7n * second, 2n * second + 100_000_000n), second / 2n, 'too short');
  assert.equal(rates.next('a', 7n * second, 4n * second), second / 2n, 'from the last window on');
  assert.equal(rates.next('a', 1n, 6n * second), undefined, 'another counter');
  assert.equal(rates.next('b', 1n, 6n * second), undefined);
  assert.equal(rates.next('b', 2n, 5n * second), undefined, 'a clock that went back');
  rates.retain(new Set(['b']));
  assert.equal(rates.next('a', 2n, 9n * second), undefined, 'forgotten');
});

test('a shelf keeps for its period, and without one nothing', () => {
  const [kept, none] = [createShelf<string>(60_000), createShelf<string>(0)];
  for (const shelf of [kept, none]) assert.equal(shelf.put('a', 'value'), 'value');
  assert.equal(kept.get('a'), 'value');
  assert.equal(none.get('a'), undefined);
  kept.retain(new Set(['b']));
  assert.equal(kept.get('a'), undefined);
});
