import assert from 'node:assert/strict';
import test from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { cgroupLimits, changeOfLimits } from '../../../runtime/oci/limits.ts';
import { mergeResources } from '../../../runtime/oci/merge-resources.ts';
import { LinuxContainerResourcesSchema } from '../../../runtime/spec/cri/api_pb.js';

type Asked = MessageInitShape<typeof LinuxContainerResourcesSchema>;
const V2 = {
  cgroups: { mode: 'v2', controllers: new Map(), unified: '/sys/fs/cgroup' },
  swapAccounting: true,
  hugePageSizes: ['2MB', '1GB'],
} as const;
const limits = (asked: Asked, host: Partial<Parameters<typeof cgroupLimits>[2]> = {}) =>
  cgroupLimits(create(LinuxContainerResourcesSchema, asked), 0, { ...V2, ...host });

const GiB = 2n ** 30n;

const TAKEN: readonly (readonly [string, Asked, object])[] = [
  ['nothing', {}, {}],
  ['no CPU quota', { cpuQuota: -1n }, { cpu: { quota: -1 } }],
  [
    'the bounds of the CPU period',
    { cpuPeriod: 1000n, cpuQuota: 1000n, cpuShares: 2n },
    { cpu: { period: 1000, quota: 1000, shares: 2 } },
  ],
  [
    'a memory limit, hence no swap',
    { memoryLimitInBytes: GiB },
    { memory: { limit: 2 ** 30, swap: 2 ** 30 } },
  ],
  [
    'swap beside memory',
    { memoryLimitInBytes: GiB, memorySwapLimitInBytes: 2n * GiB },
    { memory: { limit: 2 ** 30, swap: 2 ** 31 } },
  ],
  [
    'any amount of swap',
    { memoryLimitInBytes: GiB, memorySwapLimitInBytes: -1n },
    { memory: { limit: 2 ** 30, swap: -1 } },
  ],
  ['CPUs and memory nodes', { cpusetCpus: '0-3,7', cpusetMems: '0' }, { cpu: { cpus: '0-3,7', mems: '0' } }],
  [
    'huge pages, the kubelet’s zeros among them',
    { hugepageLimits: [{ pageSize: '2MB', limit: 4_194_304n }, { pageSize: '1GB' }, { pageSize: '64KB' }] },
    {
      hugepageLimits: [
        { pageSize: '2MB', limit: 4_194_304 },
        { pageSize: '1GB', limit: 0 },
      ],
    },
  ],
  [
    'files of cgroup v2',
    { unified: { 'memory.oom.group': '1', 'memory.high': '1000000', 'io.weight': 'default 100' } },
    { unified: { 'memory.oom.group': '1', 'memory.high': '1000000', 'io.weight': 'default 100' } },
  ],
];
for (const [what, asked, expected] of TAKEN)
  test(`limits: ${what}`, () => assert.deepEqual(limits(asked), expected));

test('without accounting of swap the kernel has no file for its limit', () => {
  const asked = { memoryLimitInBytes: GiB, memorySwapLimitInBytes: 2n * GiB };
  assert.deepEqual(limits(asked, { swapAccounting: false }), { memory: { limit: 2 ** 30 } });
});

const REFUSED: readonly (readonly [Asked, RegExp])[] = [
  [{ cpuShares: -1n }, /cpu_shares -1 is out of range/],
  [{ cpuPeriod: 999n }, /cpu_period 999 is out of range/],
  [{ cpuPeriod: 1_000_001n }, /cpu_period 1000001 is out of range/],
  [{ cpuQuota: 999n }, /cpu_quota 999 is out of range/],
  [{ cpuQuota: -2n }, /cpu_quota -2 is out of range/],
  [{ memoryLimitInBytes: 2n ** 62n }, /memory_limit_in_bytes 4611686018427387904 is out of range/],
  [{ memorySwapLimitInBytes: GiB }, /memory_swap_limit_in_bytes 1073741824 .* which is not limited/],
  [{ memoryLimitInBytes: 2n * GiB, memorySwapLimitInBytes: GiB }, /which is limited to 2147483648/],
  [{ memoryLimitInBytes: -1n, memorySwapLimitInBytes: GiB }, /which is not limited/],
  [{ unified: { 'cgroup.procs': '1' } }, /"cgroup\.procs" is not a controller's file/],
  [{ unified: { '../memory.max': '1' } }, /is not a controller's file/],
];
for (const [asked, message] of REFUSED)
  test(`limits: ${message.source} is refused`, () => {
    assert.throws(() => limits(asked), { code: 'InvalidArgument', message });
  });

const merged = (before: Asked, asked: Asked) =>
  mergeResources(create(LinuxContainerResourcesSchema, before), create(LinuxContainerResourcesSchema, asked));
const resources = (fields: Asked) => create(LinuxContainerResourcesSchema, fields);

test('an update changes what it names and leaves the rest', () => {
  const before = {
    cpuShares: 512n,
    memoryLimitInBytes: GiB,
    memorySwapLimitInBytes: 2n * GiB,
    cpusetCpus: '0',
    oomScoreAdj: 500n,
    hugepageLimits: [
      { pageSize: '2MB', limit: 1n },
      { pageSize: '1GB', limit: 2n },
    ],
    unified: { 'memory.high': '1', 'memory.low': '1' },
  };
  assert.deepEqual(merged(before, {}), resources(before));
  assert.deepEqual(
    merged(before, {
      cpuQuota: -1n,
      cpusetCpus: '1',
      hugepageLimits: [{ pageSize: '2MB', limit: 0n }],
      unified: { 'memory.high': 'max' },
    }),
    resources({
      ...before,
      cpuQuota: -1n,
      cpusetCpus: '1',
      hugepageLimits: [
        { pageSize: '1GB', limit: 2n },
        { pageSize: '2MB', limit: 0n },
      ],
      unified: { 'memory.high': 'max', 'memory.low': '1' },
    }),
  );
});

test('another memory limit without one for swap means no swap again', () => {
  const before = { memoryLimitInBytes: GiB, memorySwapLimitInBytes: 2n * GiB };
  assert.equal(merged(before, { memoryLimitInBytes: 3n * GiB }).memorySwapLimitInBytes, 0n);
  assert.equal(merged(before, { memoryLimitInBytes: GiB }).memorySwapLimitInBytes, 2n * GiB);
  assert.equal(merged(before, { cpuShares: 2n }).memorySwapLimitInBytes, 2n * GiB);
  assert.equal(
    merged(before, { memoryLimitInBytes: 3n * GiB, memorySwapLimitInBytes: 4n * GiB }).memorySwapLimitInBytes,
    4n * GiB,
  );
});

test('memory in use is looked at before its limit is lowered, and not when it is named again', () => {
  const change = (former: Asked, asked: Asked) => changeOfLimits(limits(former), limits(asked)).memory;
  const [one, two] = [{ memoryLimitInBytes: GiB }, { memoryLimitInBytes: 2n * GiB }];
  const [ofOne, ofTwo] = [limits(one).memory, limits(two).memory];
  assert.deepEqual(change(two, one), { ...ofOne, checkBeforeUpdate: true });
  assert.deepEqual(change({}, one), { ...ofOne, checkBeforeUpdate: true });
  assert.deepEqual(change(one, { ...one, cpusetCpus: '0' }), ofOne);
  assert.deepEqual(change(one, two), ofTwo);
  assert.deepEqual(change(one, { memoryLimitInBytes: -1n }), limits({ memoryLimitInBytes: -1n }).memory);
  assert.equal(change({}, { cpuShares: 5n }), undefined);
});
