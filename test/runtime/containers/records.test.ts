import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { createExits } from '../../../runtime/containers/exits.ts';
import {
  type ContainerRecord,
  openContainers,
  requireRunning,
  requireStartable,
  stateOf,
} from '../../../runtime/containers/record.ts';
import { createLog } from '../../../runtime/observe/log.ts';
import { ContainerConfigSchema } from '../../../runtime/spec/cri/api_pb.js';

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-records-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

const making = (id: string, name = id): ContainerRecord => ({
  version: 1,
  id,
  podId: 'p'.repeat(64),
  config: create(ContainerConfigSchema, {
    metadata: { name, attempt: 2 },
    envs: [{ key: 'K', value: Uint8Array.of(0, 255) }],
    linux: { resources: { memoryLimitInBytes: 2n ** 53n + 1n } },
  }),
  imageName: 'redis:alpine',
  imageId: 'sha256:00',
  runtime: ['/usr/sbin/runc'],
  logPath: null,
  stopSignal: 15,
  user: { uid: 0, gid: 0, additionalGids: [] },
  requestedAtNs: 1_790_000_000_123_456_789n,
  createdAtNs: null,
  pid: null,
  startedAtNs: null,
  exit: null,
  failure: null,
});

const exit = {
  exitCode: 3,
  finishedAtNs: '1790000000999999999',
  oomKilled: false,
  reason: 'Exited',
} as const;

test('a record comes back whole after a restart: 64-bit numbers, bytes and all', (t) => {
  const folder = folderOf(t);
  const record = { ...making('a1'), createdAtNs: 2n ** 62n + 1n, exit };
  openContainers(folder).add(record);
  assert.deepEqual(openContainers(folder).get('a1'), record);
  assert.equal(statSync(join(folder, 'a1.json')).mode & 0o777, 0o600);
});

test('a name is reserved until its container is removed, also across a restart', (t) => {
  const folder = folderOf(t);
  openContainers(folder).add(making('a1', 'web'));
  const containers = openContainers(folder);
  assert.throws(() => containers.add(making('b2', 'web')), {
    code: 'AlreadyExists',
    message: /^container name web_p+_2 is reserved for a1$/,
  });
  assert.deepEqual(readdirSync(folder), ['a1.json']);
  containers.remove('a1');
  containers.add(making('b2', 'web'));
});

test('an id is found by a prefix that only one has', (t) => {
  const containers = openContainers(folderOf(t));
  containers.add(making('abc12'));
  containers.add(making('abc34'));
  assert.equal(containers.find('abc1')?.id, 'abc12');
  assert.equal(containers.find('cd'), undefined);
  assert.equal(containers.find(''), undefined);
  assert.throws(() => containers.find('abc'), { code: 'InvalidArgument' });
  assert.equal(containers.find('ab'), undefined, 'so short a one is more likely a mistake');
});

test('a write that a kill cut short leaves the record as it was', (t) => {
  const folder = folderOf(t);
  openContainers(folder).add(making('a1'));
  writeFileSync(join(folder, 'a1.json.new'), '{"version":1,"id":"a');
  assert.deepEqual(openContainers(folder).get('a1'), making('a1'));
  assert.deepEqual(readdirSync(folder), ['a1.json']);
});

test('a record of another version, and one that is no JSON, are refused by name', (t) => {
  for (const text of ['{"version":2}', '{']) {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'a1.json'), text);
    assert.throws(() => openContainers(folder), {
      code: 'DataLoss',
      message: `cannot read the record ${join(folder, 'a1.json')}`,
    });
    assert.equal(readFileSync(join(folder, 'a1.json'), 'utf8'), text);
  }
});

test('the state follows from what is known, and guards the verbs', () => {
  const created = { ...making('a1'), createdAtNs: 1n };
  const running = { ...created, startedAtNs: 2n };
  const exited = { ...running, exit };
  assert.deepEqual([making('a1'), created, running, exited, { ...created, exit }].map(stateOf), [
    'making',
    'created',
    'running',
    'exited',
    'exited',
  ]);
  requireStartable(created);
  requireRunning(running, 'run a command in');
  assert.throws(() => requireStartable(running), {
    code: 'FailedPrecondition',
    message: 'cannot start container a1: it is running, not created',
  });
  assert.throws(() => requireRunning(exited, 'run a command in'), { code: 'FailedPrecondition' });
});

test('the first report of an exit counts, and ends every wait', async (t) => {
  const containers = openContainers(folderOf(t));
  const log = createLog({ level: 'error', write: () => {}, journal: false });
  const exits = createExits(containers, log);
  containers.add({ ...making('a1'), createdAtNs: 1n });
  const waits = [1, 2].map(() => exits.wait('a1', AbortSignal.timeout(5_000)));
  exits.record('a1', exit);
  exits.record('a1', { ...exit, exitCode: 9 });
  assert.deepEqual(await Promise.all(waits), [true, true]);
  assert.equal(containers.get('a1')?.exit?.exitCode, 3);
  assert.equal(await exits.wait('a1', AbortSignal.abort()), true);
});

test('a wait whose patience ends says so', async (t) => {
  const containers = openContainers(folderOf(t));
  const exits = createExits(containers, createLog({ level: 'error', write: () => {}, journal: false }));
  containers.add({ ...making('a1'), createdAtNs: 1n });
  assert.equal(await exits.wait('a1', AbortSignal.timeout(20)), false);
});

test('an exit that cannot be written down is tried again, and waits go on until it is', async (t) => {
  const folder = folderOf(t);
  const containers = openContainers(folder);
  const errors: string[] = [];
  const exits = createExits(
    containers,
    createLog({ level: 'error', write: (line) => errors.push(line), journal: false }),
  );
  containers.add({ ...making('a1'), createdAtNs: 1n });
  mkdirSync(join(folder, 'a1.json.new'));
  const waiting = exits.wait('a1', AbortSignal.timeout(10_000));
  exits.record('a1', exit);
  assert.equal(containers.get('a1')?.exit, null);
  assert.match(errors.join(''), /cannot record an exit; trying again container=a1/);
  rmdirSync(join(folder, 'a1.json.new'));
  assert.equal(await waiting, true);
  assert.equal(openContainers(folder).get('a1')?.exit?.exitCode, 3);
});
