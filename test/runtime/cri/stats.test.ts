import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { NamespaceMode } from '../../../runtime/spec/cri/api_pb.js';
import { nothing, ownPids, remains, say, startBusyboxNode, until } from '../../harness/busybox-node.ts';

const MiB = 1024 * 1024;

/** Works without a pause, with some memory of its own. */
const busy = say('data=$(head -c 8000000 /dev/zero | tr "\\0" x); while :; do :; done');

test('what pods and containers use', async (t) => {
  const { node, podOf, create, start, logged } = await startBusyboxNode(t);
  const { runtime } = node;
  /** As the kubelet has it: a cgroup for each pod. */
  const ownCgroup = (name: string) => ({
    linux: {
      cgroupParent: `/berth-test-${node.name}/${name}`,
      securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } },
    },
  });
  const statsOf = async (containerId: string) => {
    const { stats } = await runtime.containerStats({ containerId });
    assert.ok(stats);
    return stats;
  };
  const podStatsOf = async (podSandboxId: string) => {
    const { stats } = await runtime.podSandboxStats({ podSandboxId });
    assert.ok(stats?.linux);
    return { attributes: stats.attributes, ...stats.linux };
  };

  await t.test('a container tells its CPU, memory and writable layer', async () => {
    const pod = await podOf('one');
    const labels = { app: 'one' };
    const containerId = await start(pod, 'busy', {
      ...busy,
      linux: { ...ownPids, resources: { memoryLimitInBytes: BigInt(64 * MiB) } },
      labels,
      annotations: { note: 'a' },
    });
    await until(
      'it has its memory',
      async () => Number((await statsOf(containerId)).memory?.rssBytes?.value) > 4 * MiB,
    );
    const first = await statsOf(containerId);
    assert.deepEqual(
      [
        first.attributes?.id,
        first.attributes?.metadata?.name,
        first.attributes?.labels,
        first.attributes?.annotations,
      ],
      [containerId, 'busy', labels, { note: 'a' }],
    );
    for (const part of [first.cpu, first.memory, first.writableLayer])
      assert.ok(Math.abs(Number(part?.timestamp ?? 0n) / 1e6 - Date.now()) < 10_000);
    const { memory } = first;
    assert.ok(memory?.workingSetBytes !== undefined && memory.availableBytes !== undefined);
    assert.equal(memory.availableBytes.value + memory.workingSetBytes.value, BigInt(64 * MiB));
    assert.ok((memory.usageBytes?.value ?? 0n) >= memory.workingSetBytes.value);
    assert.ok((memory.pageFaults?.value ?? 0n) > 0n);

    await pause(600);
    const second = await statsOf(containerId);
    const spent =
      (second.cpu?.usageCoreNanoSeconds?.value ?? 0n) - (first.cpu?.usageCoreNanoSeconds?.value ?? 0n);
    const rate = second.cpu?.usageNanoCores?.value ?? 0n;
    assert.ok(spent > 0n && rate > 5_000_000n && rate < 1_500_000_000n, `${spent} ns, ${rate} ns/s`);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test(
    'the writable layer is what the container wrote, and the file system that ImageFsInfo names',
    async () => {
      const pod = await podOf('layer');
      const script =
        'mkdir /d; head -c 3000000 /dev/zero > /d/zeros; ln /d/zeros /d/again; touch /d/empty; echo; exec sleep 1000';
      const containerId = await start(pod, 'one', say(script));
      await logged('layer', 'one', 1);
      const { writableLayer } = await statsOf(containerId);
      const used = Number(writableLayer?.usedBytes?.value ?? 0n);
      assert.ok(used >= 3_000_000 && used < 3_200_000, `${used} bytes: a file with two names counts once`);
      assert.ok((writableLayer?.inodesUsed?.value ?? 0n) >= 4n);
      const { containerFilesystems } = await node.images.imageFsInfo();
      assert.equal(writableLayer?.fsId?.mountpoint, containerFilesystems[0]?.fsId?.mountpoint);
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );

  await t.test('without a memory limit nobody says how much is left', async () => {
    const pod = await podOf('unlimited');
    const { memory, swap } = await statsOf(await start(pod, 'one'));
    assert.ok((memory?.usageBytes?.value ?? 0n) > 0n);
    assert.equal(memory?.availableBytes, undefined);
    assert.equal(swap?.swapAvailableBytes, undefined);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('a pod tells what its own cgroup and its interface used', async () => {
    const pod = await podOf('pod', {
      ...ownCgroup('pod'),
      labels: { tier: 'front' },
      annotations: { note: 'p' },
    });
    const one = await start(pod, 'one', say('ping -c 3 -i 0.1 127.0.0.1; exec sleep 1000'));
    const two = await start(pod, 'two');
    await create(pod, 'three');
    const stats = await podStatsOf(pod);
    assert.deepEqual(
      [
        stats.attributes?.id,
        stats.attributes?.metadata?.name,
        stats.attributes?.labels,
        stats.attributes?.annotations,
      ],
      [pod, 'pod', { tier: 'front' }, { note: 'p' }],
    );
    const [whole, ...parts] = [stats, await statsOf(one), await statsOf(two)].map(
      ({ cpu }) => cpu?.usageCoreNanoSeconds?.value ?? 0n,
    );
    assert.ok(parts.every((part) => part > 0n && whole !== undefined && part < whole));
    assert.ok((stats.memory?.workingSetBytes?.value ?? 0n) > 0n);
    assert.ok((stats.process?.processCount?.value ?? 0n) >= 3n);
    assert.deepEqual(stats.containers.map(({ attributes }) => attributes?.metadata?.name).sort(), [
      'one',
      'three',
      'two',
    ]);
    assert.equal(stats.network?.defaultInterface?.name, 'eth0');
    assert.ok((stats.network?.defaultInterface?.txBytes?.value ?? 0n) > 0n, 'neighbour discovery at least');
    assert.deepEqual(stats.network?.interfaces, [], 'loopback is no network');
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test(
    'a pod keeps what its removed containers used, also as a second attempt in the same cgroup',
    async () => {
      const former = await podOf('again', ownCgroup('again'));
      await runtime.stopPodSandbox({ podSandboxId: former });
      const metadata = { name: 'again', namespace: 'default', uid: `${node.name}-again`, attempt: 1 };
      const pod = await podOf('again', { ...ownCgroup('again'), metadata });
      const spent = async () => Number((await podStatsOf(pod)).cpu?.usageCoreNanoSeconds?.value ?? 0n);
      const containerId = await start(pod, 'one', busy);
      await until('it has worked', async () => (await spent()) > 200_000_000);
      await runtime.removeContainer({ containerId });
      assert.ok((await spent()) > 200_000_000);
      for (const each of [former, pod]) await runtime.removePodSandbox({ podSandboxId: each });
    },
  );

  await t.test('pods that share a cgroup each tell the sum of their containers', async () => {
    const [a, b] = [await podOf('sum-a'), await podOf('sum-b')];
    await start(a, 'one');
    const working = await start(b, 'one', busy);
    await until(
      'the one works',
      async () => Number((await statsOf(working)).cpu?.usageCoreNanoSeconds?.value) > 300_000_000,
    );
    const [first, second] = [await podStatsOf(a), await podStatsOf(b)];
    assert.ok((first.cpu?.usageCoreNanoSeconds?.value ?? 0n) < 300_000_000n, 'the other pod is not in it');
    assert.ok((second.cpu?.usageCoreNanoSeconds?.value ?? 0n) > 300_000_000n);
    assert.equal(first.process?.processCount?.value, 1n);
    for (const pod of [a, b]) await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('a pod in the host’s network does not claim the host’s traffic', async () => {
    const pod = await podOf('host', {
      hostname: '',
      linux: {
        cgroupParent: `/berth-test-${node.name}/host`,
        securityContext: { namespaceOptions: { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER } },
      },
    });
    await start(pod, 'one');
    const stats = await podStatsOf(pod);
    assert.equal(stats.network, undefined);
    assert.ok((stats.cpu?.usageCoreNanoSeconds?.value ?? 0n) > 0n);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('lists and streams have who is alive, filtered by id, pod and labels', async () => {
    const a = await podOf('list-a', { labels: { tier: 'front', team: 'x' } });
    const b = await podOf('list-b', { labels: { tier: 'back' } });
    const gone = await podOf('list-gone');
    const one = await start(a, 'one', { labels: { role: 'web' } });
    const created = await create(b, 'two', { labels: { role: 'db' } });
    const ended = await start(b, 'ended');
    await runtime.stopContainer({ containerId: ended, timeout: 0n });
    await runtime.stopPodSandbox({ podSandboxId: gone });
    const containers = async (filter: object) => {
      const { stats } = await runtime.listContainerStats({ filter });
      const streamed = await runtime.streamContainerStats({ filter });
      const ids = (list: typeof stats) => list.map(({ attributes }) => attributes?.id).sort();
      assert.deepEqual(ids(streamed.flatMap(({ containerStats }) => containerStats)), ids(stats));
      return ids(stats);
    };
    assert.deepEqual(await containers({}), [one, created].sort());
    assert.deepEqual(await containers({ id: one.slice(0, 12) }), [one]);
    assert.deepEqual(await containers({ podSandboxId: b }), [created]);
    assert.deepEqual(await containers({ labelSelector: { role: 'web' } }), [one]);
    assert.deepEqual(await containers({ labelSelector: { role: 'web', tier: 'x' } }), []);
    const pods = async (filter: object) => {
      const { stats } = await runtime.listPodSandboxStats({ filter });
      const streamed = await runtime.streamPodSandboxStats({ filter });
      const ids = (list: typeof stats) => list.map(({ attributes }) => attributes?.id).sort();
      assert.deepEqual(ids(streamed.flatMap(({ podSandboxStats }) => podSandboxStats)), ids(stats));
      return ids(stats);
    };
    assert.deepEqual(await pods({}), [a, b].sort());
    assert.deepEqual(await pods({ id: a }), [a]);
    assert.deepEqual(await pods({ labelSelector: { tier: 'back' } }), [b]);
    for (const pod of [a, b, gone]) await runtime.removePodSandbox({ podSandboxId: pod });
    assert.deepEqual(await runtime.streamContainerStats({}), [], 'no message is better than an empty one');
  });

  await t.test('what has ended tells who it was; what is not there is NotFound', async () => {
    const pod = await podOf('ends');
    const containerId = await start(pod, 'one');
    await runtime.stopPodSandbox({ podSandboxId: pod });
    assert.equal((await statsOf(containerId)).attributes?.id, containerId);
    const stats = await podStatsOf(pod);
    assert.deepEqual([stats.attributes?.id, stats.containers], [pod, []]);
    await runtime.removePodSandbox({ podSandboxId: pod });
    await assert.rejects(runtime.containerStats({ containerId }), { code: status.NOT_FOUND });
    await assert.rejects(runtime.podSandboxStats({ podSandboxId: pod }), { code: status.NOT_FOUND });
  });

  await t.test('crictl stats and statsp', async () => {
    const pod = await podOf('crictl', ownCgroup('crictl'));
    const containerId = await start(pod, 'one', busy);
    assert.match(
      await node.crictl('stats'),
      new RegExp(`${containerId.slice(0, 13)}\\s+one\\s+\\d+\\.\\d+\\s+\\S+B\\s+\\S+B\\s+\\d+`),
    );
    const { stats } = JSON.parse(await node.crictl('statsp', '-o', 'json'));
    assert.deepEqual(
      [stats.length, stats[0].attributes.id, stats[0].linux.containers[0].attributes.id],
      [1, pod, containerId],
    );
    assert.match(await node.crictl('statsp'), new RegExp(`crictl\\s+${pod.slice(0, 13)}`));
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  assert.deepEqual(remains(node), nothing);
});
