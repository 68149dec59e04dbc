import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import {
  drainWords,
  mirror,
  node,
  otherCluster,
  parting,
  sameCluster,
  scene,
  secondPlane,
  upgrade,
  well,
} from './scene.ts';

test('a node is drained, changed, and takes pods again', async () => {
  const { hosts, asked, changing, made } = scene(well);
  assert.equal(await changing(hosts.w1, made('w1')), 'w1');
  assert.deepEqual(asked, [
    'c1: get node w1 --ignore-not-found -o json',
    `c1: drain w1 ${drainWords}`,
    'change w1',
    'c1: uncordon w1',
  ]);
});

test('a node takes pods again when the change failed, and the failure is told', async () => {
  const { hosts, asked, changing } = scene(well);
  const failure = new Fail('CommandFailed', 'w1: kubelet does not start');
  await assert.rejects(
    changing(hosts.w1, () => Promise.reject(failure)),
    (error) => error === failure,
  );
  assert.equal(asked.at(-1), 'c1: uncordon w1');
});

test('a node that was cordoned before stays so, and a warning says that it takes no pods', async () => {
  const { hosts, asked, changing, made, warnings } = scene([
    { when: / get node /, says: node({ unschedulable: true }) },
    { when: / drain / },
  ]);
  await changing(hosts.w1, made('w1'));
  assert.equal(asked.at(-1), 'change w1');
  assert.deepEqual(warnings(), ['w1 was cordoned before, and stays so']);
});

test('a node that cannot be drained is not changed, and takes pods again', async () => {
  const { hosts, asked, changing, made } = scene([
    { when: / get node /, says: node() },
    { when: / drain /, fails: 'error: Cannot evict pod as it would violate the disruption budget' },
    { when: / uncordon / },
  ]);
  await assert.rejects(
    changing(hosts.w1, made('w1')),
    (error) =>
      error instanceof Fail &&
      /w1: nothing was changed.*disruption budget/.test(error.message) &&
      /PodDisruptionBudget/.test(error.hint ?? ''),
  );
  assert.deepEqual(
    asked.map((each) => each.split(' ')[1]),
    ['get', 'drain', 'uncordon'],
  );
});

test('a change that pods do not notice drains nothing', async () => {
  const { hosts, asked, changing, made } = scene([], { change: mirror });
  await changing(hosts.w1, made('w1'));
  assert.deepEqual(asked, ['change w1']);
});

test('a profile may say that nothing is drained', async () => {
  const { hosts, asked, changing, made } = scene([], { drain: '{ enabled: false }' });
  await changing(hosts.w1, made('w1'));
  assert.deepEqual(asked, ['change w1']);
});

test('nodes go one after the other', async () => {
  const { hosts, asked, changing, made } = scene(well);
  await Promise.all([changing(hosts.w1, made('w1')), changing(hosts.w2, made('w2'))]);
  assert.deepEqual(
    asked.filter((each) => /change|uncordon/.test(each)),
    ['change w1', 'c1: uncordon w1', 'change w2', 'c1: uncordon w2'],
  );
});

test('after a node that failed no other is begun', async () => {
  const { hosts, asked, changing, made } = scene(well);
  const [first, second] = await Promise.allSettled([
    changing(hosts.w1, () => Promise.reject(new Fail('CommandFailed', 'no'))),
    changing(hosts.w2, made('w2')),
  ]);
  assert.equal(first.status, 'rejected');
  assert.ok(
    second.status === 'rejected' && /w2: left as it is, because w1 failed/.test(String(second.reason)),
  );
  assert.ok(!asked.includes('change w2'));
});

test('a node that its cluster does not know is refused', async () => {
  const { hosts, changing, made } = scene([{ when: / get node /, says: '' }]);
  await assert.rejects(
    changing(hosts.w1, made('w1')),
    (error) => error instanceof Fail && error.code === 'HostMoved' && /knows no node w1/.test(error.message),
  );
});

test('a control plane of the profile answers for a node also where it is no part of the run', async () => {
  const { hosts, asked, changing, made } = scene(well, { run: ['w1'] });
  await changing(hosts.w1, made('w1'));
  assert.deepEqual(asked.slice(1), [`c1: drain w1 ${drainWords}`, 'change w1', 'c1: uncordon w1']);
});

test('a node whose control plane cannot be reached is not changed, and the way out is told', async () => {
  for (const verb of ['changing', 'leaving'] as const) {
    const { hosts, asked, made, ...does } = scene(well, {
      run: ['w1'],
      lost: { c1: 'Unreachable' },
      change: verb === 'leaving' ? parting : upgrade,
    });
    await assert.rejects(
      does[verb](hosts.w1, made('w1')),
      (error) =>
        error instanceof Fail &&
        error.code === 'Unreachable' &&
        /w1: nothing was changed, because its cluster does not answer: c1: no answer/.test(error.message) &&
        /drain\.enabled: false/.test(error.hint ?? ''),
    );
    assert.deepEqual(asked, []);
  }
});

test('the control plane of another cluster answers for none of this one', async () => {
  const { hosts, asked, changing, made } = scene(well, {
    run: ['w1', 'c2'],
    more: [secondPlane(otherCluster)],
  });
  await changing(hosts.w1, made('w1'));
  assert.equal(asked[0], 'c1: get node w1 --ignore-not-found -o json');
});

test("a control plane that joins by the name of the profile's own cluster answers for it", async () => {
  const { hosts, asked, changing, made } = scene(well, {
    run: ['w1', 'c2'],
    more: [secondPlane(sameCluster)],
  });
  await changing(hosts.w1, made('w1'));
  assert.equal(asked[0], 'c2: get node w1 --ignore-not-found -o json');
});

test('a node is not drained where the cluster knows another machine by its name', async () => {
  for (const verb of ['changing', 'leaving'] as const) {
    const { hosts, asked, made, ...does } = scene(
      [{ when: / get node /, says: node({ machineID: 'f'.repeat(32) }) }],
      { run: ['w1'], change: verb === 'leaving' ? parting : upgrade },
    );
    await assert.rejects(
      does[verb](hosts.w1, made('w1')),
      (error) =>
        error instanceof Fail &&
        error.code === 'HostMoved' &&
        /w1: the node w1 in the cluster of c1 is another machine/.test(error.message) &&
        /drain\.enabled: false/.test(error.hint ?? ''),
    );
    assert.equal(asked.length, 1);
  }
});

test('a node is drained where the cluster knows its machine', async () => {
  const { hosts, asked, changing, made } = scene([
    { when: / get node /, says: node({ machineID: '0123456789abcdef0123456789abcdef' }) },
    { when: / drain | uncordon / },
  ]);
  await changing(hosts.w1, made('w1'));
  assert.equal(asked.at(-1), 'c1: uncordon w1');
});

test('a node whose control planes are in no cluster is not changed', async () => {
  const { hosts, asked, changing, made } = scene([], { run: ['w1'], bare: ['c1'] });
  await assert.rejects(
    changing(hosts.w1, made('w1')),
    (error) =>
      error instanceof Fail &&
      error.code === 'Unsupported' &&
      /w1: no control plane of its cluster is among the hosts/.test(error.message),
  );
  assert.deepEqual(asked, []);
});
