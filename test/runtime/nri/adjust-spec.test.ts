import assert from 'node:assert/strict';
import test from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { adjustSpec } from '../../../runtime/nri/adjust-spec.ts';
import { criLimits } from '../../../runtime/nri/limits.ts';
import { cgroupLimits } from '../../../runtime/oci/limits.ts';
import type { OciSpec } from '../../../runtime/spec/oci/runtime.ts';
import {
  ContainerAdjustmentSchema,
  IOPrioClass,
  LinuxSchedulerFlag,
  LinuxSchedulerPolicy,
  MpolMode,
} from '../../../runtime/spec/ttrpc/nri/api_pb.js';

const spec: OciSpec = {
  ociVersion: '1.0.2',
  process: {
    user: { uid: 0, gid: 0 },
    args: ['sleep', '1'],
    env: ['KEPT=1', 'GONE=1', 'CHANGED=1'],
    cwd: '/',
    rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
  },
  root: { path: '/root' },
  mounts: [
    { destination: '/kept', type: 'bind', source: '/a', options: ['rbind'] },
    { destination: '/gone', type: 'bind', source: '/b', options: ['rbind'] },
  ],
  annotations: { kept: '1', gone: '1' },
  linux: {
    namespaces: [{ type: 'mount' }, { type: 'ipc', path: '/pinned/ipc' }],
    resources: { memory: { limit: 1000, swap: 1000 }, cpu: { shares: 2 } },
    devices: [{ path: '/dev/gone', type: 'c', major: 1, minor: 2 }],
  },
};

const host = {
  cgroups: { mode: 'v2', controllers: new Set(['memory', 'cpu']) },
  swapAccounting: true,
  hugePageSizes: ['2MB'],
} as unknown as Parameters<typeof cgroupLimits>[2];

const adjusted = (asked: MessageInitShape<typeof ContainerAdjustmentSchema>): OciSpec => {
  const adjust = create(ContainerAdjustmentSchema, asked);
  const resources = adjust.linux?.resources;
  return adjustSpec(spec, {
    adjust,
    limits: cgroupLimits(resources === undefined ? undefined : criLimits(resources), 0, host),
    oomScore: Number,
  });
};

test('nothing that is asked for changes nothing', () => {
  const same = adjusted({ linux: { resources: { memory: {}, cpu: {} } }, hooks: {} });
  assert.deepEqual(same, {
    ...spec,
    linux: { ...spec.linux, resources: { ...spec.linux.resources, devices: [] }, sysctl: {} },
  });
});

test('what is named with a dash in front goes, what is named again is replaced', () => {
  const { process, mounts, annotations, linux } = adjusted({
    annotations: { '-gone': '', new: '2' },
    env: [
      { key: '-GONE', value: '' },
      { key: 'CHANGED', value: '2' },
    ],
    mounts: [{ destination: '-/gone' }, { destination: '/kept', source: '/c', options: ['bind'] }],
    rlimits: [
      { type: 'RLIMIT_CORE', soft: 1n, hard: 2n },
      { type: 'RLIMIT_MEMLOCK', soft: 2n ** 64n - 1n, hard: 2n ** 64n - 1n },
    ],
    linux: {
      devices: [{ path: '-/dev/gone' }, { path: '/dev/new', type: 'b', major: 8n, minor: 1n }],
      namespaces: [{ type: '-ipc' }, { type: 'network', path: '/other' }],
    },
  });
  assert.deepEqual(annotations, { kept: '1', new: '2' });
  assert.deepEqual(process.env, ['KEPT=1', 'CHANGED=2']);
  assert.deepEqual(mounts, [{ destination: '/kept', source: '/c', options: ['bind'] }]);
  assert.deepEqual(process.rlimits?.[0], { type: 'RLIMIT_CORE', soft: 1, hard: 2 });
  // As config.json has it, Go reads it: 2^64 - 1 rounded up would not fit.
  assert.ok(BigInt(JSON.stringify(process.rlimits?.[1]?.soft)) < 2n ** 64n);
  assert.deepEqual(linux.devices, [{ path: '/dev/new', type: 'b', major: 8, minor: 1 }]);
  assert.deepEqual(linux.resources?.devices, [{ allow: true, type: 'b', major: 8, minor: 1, access: 'rwm' }]);
  assert.deepEqual(linux.namespaces, [{ type: 'mount' }, { type: 'network', path: '/other' }]);
});

test('limits, priorities and policies are written as the specification has them', () => {
  const { process, linux } = adjusted({
    linux: {
      resources: {
        memory: { limit: { value: 5000n }, reservation: { value: 4000n }, swappiness: { value: 10n } },
        cpu: { cpus: '0-1', realtimeRuntime: { value: 7n } },
        pids: { limit: 12n },
        hugepageLimits: [{ pageSize: '2MB', limit: 4n }],
        unified: { 'memory.high': '4500' },
      },
      oomScoreAdj: { value: -5n },
      ioPriority: { class: IOPrioClass.IOPRIO_CLASS_BE, priority: 4 },
      scheduler: {
        policy: LinuxSchedulerPolicy.SCHED_FIFO,
        priority: 10,
        flags: [LinuxSchedulerFlag.SCHED_FLAG_RESET_ON_FORK],
      },
      sysctl: { 'net.ipv4.ip_forward': '1' },
      cgroupsPath: '/elsewhere',
      seccompPolicy: {
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrno: { value: 1 },
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }],
      },
      netDevices: { eth7: { name: 'eth0' } },
      memoryPolicy: { mode: MpolMode.MPOL_BIND, nodes: '0' },
      rdt: { closId: { value: 'gold' } },
    },
  });
  assert.deepEqual(linux.resources?.memory, { limit: 5000, swap: 5000, reservation: 4000, swappiness: 10 });
  assert.deepEqual(linux.resources?.cpu, { shares: 2, cpus: '0-1', realtimeRuntime: 7 });
  assert.deepEqual(linux.resources?.pids, { limit: 12 });
  assert.deepEqual(linux.resources?.hugepageLimits, [{ pageSize: '2MB', limit: 4 }]);
  assert.deepEqual(linux.resources?.unified, { 'memory.high': '4500' });
  assert.equal(process.oomScoreAdj, -5);
  assert.deepEqual(process.ioPriority, { class: 'IOPRIO_CLASS_BE', priority: 4 });
  assert.equal(process.scheduler?.policy, 'SCHED_FIFO');
  assert.deepEqual(process.scheduler?.flags, ['SCHED_FLAG_RESET_ON_FORK']);
  assert.deepEqual(linux.sysctl, { 'net.ipv4.ip_forward': '1' });
  assert.equal(linux.cgroupsPath, '/elsewhere');
  assert.equal(linux.seccomp?.['defaultAction'], 'SCMP_ACT_ERRNO');
  assert.equal(linux.seccomp?.['defaultErrnoRet'], 1);
  assert.deepEqual(linux.netDevices, { eth7: { name: 'eth0' } });
  assert.deepEqual(linux.memoryPolicy, { mode: 'MPOL_BIND', nodes: '0', flags: [] });
  assert.deepEqual(linux.intelRdt, { closID: 'gold' });
});

test('what no container can have is refused by name', () => {
  const refused: readonly (readonly [RegExp, MessageInitShape<typeof ContainerAdjustmentSchema>['linux']])[] =
    [
      [/device \/dev\/x of type "z"/, { devices: [{ path: '/dev/x', type: 'z' }] }],
      [/a namespace of type "time"/, { namespaces: [{ type: 'time' }] }],
      [/block I\/O class "fast"/, { resources: { blockioClass: { value: 'fast' } } }],
      [/cpu.shares 18446744073709551615/, { resources: { cpu: { shares: { value: 2n ** 64n - 1n } } } }],
      [/scheduler.policy 99/, { scheduler: { policy: 99 as LinuxSchedulerPolicy } }],
      [/"nonsense" is not a controller’s file|nonsense/, { resources: { unified: { nonsense: '1' } } }],
    ];
  for (const [message, linux] of refused) assert.throws(() => adjusted({ linux: linux ?? {} }), message);
});
