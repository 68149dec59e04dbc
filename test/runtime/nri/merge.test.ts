import assert from 'node:assert/strict';
import test from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { failedWith } from '../../../runtime/core/fail.ts';
import { beginMerging, mergeAdjustment } from '../../../runtime/nri/merge-adjustment.ts';
import { mergeUpdates, type Updates } from '../../../runtime/nri/merge-updates.ts';
import { Owners } from '../../../runtime/nri/owners.ts';
import {
  ContainerAdjustmentSchema,
  ContainerSchema,
  ContainerUpdateSchema,
} from '../../../runtime/spec/ttrpc/nri/api_pb.js';

type Asked = MessageInitShape<typeof ContainerAdjustmentSchema>;

const merged = (...asked: readonly Asked[]) => {
  const container = create(ContainerSchema, { id: 'c', env: ['OLD=1'], annotations: { old: '1' } });
  const merging = beginMerging(container, new Owners());
  for (const [index, one] of asked.entries())
    mergeAdjustment(merging, create(ContainerAdjustmentSchema, one), `0${index}-plugin`);
  return merging;
};

const contradictions: Readonly<Record<string, Asked>> = {
  Annotations: { annotations: { a: '1' } },
  Mounts: { mounts: [{ destination: '/m' }] },
  Env: { env: [{ key: 'K', value: 'v' }] },
  Args: { args: ['x'] },
  Devices: { linux: { devices: [{ path: '/dev/d', type: 'c' }] } },
  CdiDevices: { CDIDevices: [{ name: 'v/c=d' }] },
  Rlimits: { rlimits: [{ type: 'RLIMIT_CORE' }] },
  MemLimit: { linux: { resources: { memory: { limit: { value: 1n } } } } },
  CPUSetCPUs: { linux: { resources: { cpu: { cpus: '0' } } } },
  CPUShares: { linux: { resources: { cpu: { shares: { value: 3n } } } } },
  PidsLimit: { linux: { resources: { pids: { limit: 1n } } } },
  HugepageLimits: { linux: { resources: { hugepageLimits: [{ pageSize: '2MB' }] } } },
  CgroupsUnified: { linux: { resources: { unified: { 'a.b': '1' } } } },
  CgroupsPath: { linux: { cgroupsPath: '/p' } },
  OomScoreAdj: { linux: { oomScoreAdj: { value: 0n } } },
  IoPriority: { linux: { ioPriority: {} } },
  SeccompPolicy: { linux: { seccompPolicy: {} } },
  Namespace: { linux: { namespaces: [{ type: 'ipc' }] } },
  Sysctl: { linux: { sysctl: { 'a.b': '1' } } },
  LinuxNetDevices: { linux: { netDevices: { e: {} } } },
  LinuxSched: { linux: { scheduler: {} } },
  RdtClosID: { linux: { rdt: { closId: { value: 'x' } } } },
  MemoryPolicy: { linux: { memoryPolicy: {} } },
};

test('two plugins that set the same are named, whatever it is', () => {
  for (const [field, asked] of Object.entries(contradictions))
    assert.throws(
      () => merged(asked, asked),
      (error) =>
        failedWith(error, 'FailedPrecondition') &&
        error.message.startsWith(`the NRI plugins 00-plugin and 01-plugin both set ${field}`),
      field,
    );
});

test('hooks of several plugins are all kept', () => {
  const hook = (path: string): Asked => ({ hooks: { poststop: [{ path }] } });
  assert.deepEqual(
    merged(hook('/a'), hook('/b')).adjust.hooks?.poststop.map(({ path }) => path),
    ['/a', '/b'],
  );
});

test('a plugin may take away what another has set, and set it itself; a third may not', () => {
  const set: Asked = { env: [{ key: 'K', value: 'first' }], annotations: { a: 'first' } };
  const replace: Asked = {
    env: [
      { key: '-K', value: '' },
      { key: 'K', value: 'second' },
    ],
    annotations: { '-a': '', a: 'second' },
  };
  const { container, adjust } = merged(set, replace);
  assert.deepEqual(container.env, ['OLD=1', 'K=second']);
  assert.deepEqual(container.annotations, { old: '1', a: 'second' });
  assert.deepEqual(
    adjust.env.filter(({ key }) => key === 'K').map(({ value }) => value),
    ['second'],
  );
  assert.throws(() => merged(set, replace, set), /01-plugin and 02-plugin both set/);
});

test('arguments are replaced by who says so with an empty first word', () => {
  assert.deepEqual(merged({ args: ['a'] }, { args: ['', 'b', 'c'] }).adjust.args, ['b', 'c']);
});

test('updates of several plugins come together for each container, and may fail when all of them say so', () => {
  const updates: Updates = { resources: new Map(), owners: new Owners() };
  const update = (containerId: string, cpu: object, ignoreFailure: boolean) =>
    create(ContainerUpdateSchema, { containerId, ignoreFailure, linux: { resources: { cpu } } });
  mergeUpdates(updates, [update('x', { cpus: '0' }, true), update('y', { mems: '0' }, true)], '00-a');
  mergeUpdates(updates, [update('x', { shares: { value: 5n } }, false)], '01-b');
  assert.equal(updates.resources.get('x')?.limits.cpu?.cpus, '0');
  assert.equal(updates.resources.get('x')?.limits.cpu?.shares?.value, 5n);
  assert.equal(updates.resources.get('x')?.ignoreFailure, false);
  assert.equal(updates.resources.get('y')?.ignoreFailure, true);
  assert.throws(
    () => mergeUpdates(updates, [update('x', { cpus: '1' }, true)], '02-c'),
    /00-a and 02-c both set CPUSetCPUs/,
  );
  assert.throws(() => mergeUpdates(updates, [update('n', {}, true)], '02-c', 'n'), /which it is asked about/);
});
