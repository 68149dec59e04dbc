import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { leaveNodes } from '../../../../src/flows/cluster/leave-nodes.ts';
import type { Plan } from '../../../../src/resources/change.ts';
import {
  type Answer,
  drainWords,
  mirror,
  node,
  otherCluster,
  parting,
  scene,
  secondPlane,
  well,
} from './scene.ts';

const parted: readonly Answer[] = [...well, { when: / delete node w1 --ignore-not-found$/ }];

test('a node that leaves a cluster that stays is drained first, and forgotten afterwards', async () => {
  const { hosts, asked, leaving, made } = scene(parted, { run: ['w1'], change: parting });
  assert.equal(await leaving(hosts.w1, made('w1')), 'w1');
  assert.deepEqual(asked, [
    'c1: get node w1 --ignore-not-found -o json',
    `c1: drain w1 ${drainWords}`,
    'change w1',
    'c1: delete node w1 --ignore-not-found',
  ]);
});

test('a node that could not leave takes pods again, and stays a node', async () => {
  const { hosts, asked, leaving } = scene(parted, { run: ['w1'], change: parting });
  await assert.rejects(leaving(hosts.w1, () => Promise.reject(new Fail('CommandFailed', 'no'))));
  assert.equal(asked.at(-1), 'c1: uncordon w1');
});

test('a node that has left and is still listed is told with what is left to do', async () => {
  const { hosts, leaving, made } = scene([...well, { when: / delete node /, fails: 'etcd has no leader' }], {
    run: ['w1'],
    change: parting,
  });
  await assert.rejects(
    leaving(hosts.w1, made('w1')),
    (error) =>
      error instanceof Fail &&
      /w1: it has left the cluster, which still lists it as the node w1: .*no leader/.test(error.message) &&
      error.hint === 'On c1: kubectl delete node w1',
  );
});

test('a cluster that goes as a whole, or is no concern of berth, is asked nothing', async () => {
  for (const options of [
    { change: parting },
    { change: parting, run: ['w1'], drain: '{ enabled: false }' },
    { change: mirror, run: ['w1'] },
  ]) {
    const { hosts, asked, leaving, made } = scene([], options);
    await leaving(hosts.w1, made('w1'));
    assert.deepEqual(asked, ['change w1']);
  }
});

test('a node that its cluster has forgotten already just leaves, and that is told', async () => {
  const { hosts, asked, notes, leaving, made } = scene([{ when: / get node /, says: '' }], {
    run: ['w1'],
    change: parting,
  });
  await leaving(hosts.w1, made('w1'));
  assert.deepEqual(asked.slice(1), ['change w1']);
  assert.deepEqual(notes(), ['the cluster of c1 knows no node w1: nothing to forget']);
});

test('a node whose reset failed after it had left is forgotten by the next one, and not drained', async () => {
  const { hosts, asked, leaving, made } = scene(parted, { run: ['w1'], change: parting, parted: ['w1'] });
  await leaving(hosts.w1, made('w1'));
  assert.deepEqual(asked, [
    'c1: get node w1 --ignore-not-found -o json',
    'change w1',
    'c1: delete node w1 --ignore-not-found',
  ]);
});

test('a kubelet that was in no cluster leaves none', async () => {
  const { hosts, asked, leaving, made } = scene([], { run: ['w1'], change: parting, single: ['w1'] });
  await leaving(hosts.w1, made('w1'));
  assert.deepEqual(asked, ['change w1']);
});

test('a host that has left has no other machine of its name forgotten', async () => {
  const answers = [{ when: / get node /, says: node({ machineID: 'f'.repeat(32) }) }];
  const { hosts, asked, leaving, made } = scene(answers, { run: ['w1'], change: parting, parted: ['w1'] });
  await assert.rejects(leaving(hosts.w1, made('w1')), /is another machine/);
  assert.equal(asked.length, 1);
});

test('the cluster forgets a host also where something of berth is left on it', async () => {
  const { asked, context, survey, made } = scene(parted, { run: ['w1'], change: parting });
  const plans: Plan[] = [];
  const confirm = async (plan: Plan) => plans.push(plan) > 0;
  const left = await leaveNodes(context, { confirm }, survey, {
    change: made('w1'),
    prove: () => Promise.reject(new Fail('HostMoved', 'w1: there is still to do')),
  });
  assert.deepEqual(asked.slice(-2), ['change w1', 'c1: delete node w1 --ignore-not-found']);
  assert.deepEqual(
    left.failures.map(({ error }) => error.message),
    ['w1: there is still to do'],
  );
  assert.deepEqual(
    plans.flatMap(({ hosts }) => hosts.flatMap(({ notes }) => notes)),
    ['it is drained first, and the cluster of c1 forgets it afterwards'],
  );
});

test('the plan says of a node that has left that the cluster forgets it, and by which control plane', async () => {
  const { context, survey, made } = scene([], {
    run: ['w1'],
    change: parting,
    parted: ['w1'],
    more: [secondPlane(otherCluster)],
  });
  const plans: Plan[] = [];
  const confirm = async (plan: Plan) => plans.push(plan) < 1;
  await leaveNodes(context, { confirm }, survey, { change: made('w1'), prove: async () => {} });
  assert.deepEqual(
    plans.flatMap(({ hosts }) => hosts.flatMap(({ notes }) => notes)),
    ['the cluster of c1 forgets it afterwards'],
  );
});

test('a cluster goes as a whole where the control plane that stays is that of another', async () => {
  const { hosts, asked, leaving, made } = scene([], {
    change: parting,
    more: [secondPlane(otherCluster)],
  });
  await leaving(hosts.w1, made('w1'));
  assert.deepEqual(asked, ['change w1']);
});

test('a control plane that is in no cluster is passed over', async () => {
  const { hosts, asked, leaving, made } = scene(parted, {
    run: ['w1'],
    change: parting,
    more: [secondPlane()],
    bare: ['c1'],
  });
  await leaving(hosts.w1, made('w1'));
  assert.equal(asked.at(-1), 'c2: delete node w1 --ignore-not-found');
});

test('where no control plane is in a cluster any more a node leaves undrained, and that is told', async () => {
  const { hosts, asked, notes, leaving, made } = scene([], { run: ['w1'], change: parting, bare: ['c1'] });
  await leaving(hosts.w1, made('w1'));
  assert.deepEqual(asked, ['change w1']);
  assert.deepEqual(notes(), ['no control plane of the profile is in a cluster (c1): it leaves undrained']);
});

test('a control plane that cannot be reached may be in the cluster, and so the node stays', async () => {
  const { hosts, asked, leaving, made } = scene([], {
    run: ['w1'],
    change: parting,
    more: [secondPlane()],
    bare: ['c2'],
    lost: { c1: 'Unreachable' },
  });
  await assert.rejects(leaving(hosts.w1, made('w1')), /its cluster does not answer: c1: no answer/);
  assert.deepEqual(asked, []);
});

test('an interruption asks no other control plane, and is told as what it is', async () => {
  const { hosts, asked, leaving, made } = scene(parted, {
    run: ['w1'],
    change: parting,
    more: [secondPlane()],
    lost: { c1: 'Cancelled' },
  });
  await assert.rejects(
    leaving(hosts.w1, made('w1')),
    (error) => error instanceof Fail && error.code === 'Cancelled' && error.message === 'c1: no answer',
  );
  assert.deepEqual(asked, []);
});
