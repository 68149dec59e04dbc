import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { NamespaceMode } from '../../../runtime/spec/cri/api_pb.js';
import { nothing, ownPids, remains, say, startBusyboxNode, until } from '../../harness/busybox-node.ts';

const MiB = 1024 * 1024;

/** Works without a pause, in memory that is its own. */
const busy = say('data=$(head -c 8000000 /dev/zero | tr "\\0" x); while :; do :; done');

test('what pods and containers use', async (t) => {
  const { node, podOf, create, start, logged } = await startBusyboxNode(t);
  const { runtime } = node;
  const ownParent = (name: string) => ({
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
    return { ...stats.linux, attributes: stats.attributes };
  };

  await t.test('a container tells its CPU, memory, swap and writable layer', async () => {
    const pod = await podOf('one');
    const limited = { linux: { resources: { memoryLimitInBytes: BigInt(64 * MiB) }, ...ownPids } };
    const labels = { app: 'one' };
    const containerId = await start(pod, 'busy', { ...busy, ...limited, labels, annotations: { note: 'a' } });
    await until(
      'it has its memory',
      async () => Number((await statsOf(containerId)).memory?.rssBytes?.value) > 8 * MiB,
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
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    for (const part of [first.cpu, first.memory, first.writableLayer])
      assert.ok(
        part !== undefined &&
          nowNs - part.timestamp < 10_000_000_000n &&
          part.timestamp <= nowNs + 1_000_000_000n,
      );
    const { memory } = first;
    assert.ok(memory?.workingSetBytes !== undefined && memory.availableBytes !== undefined);
    assert.equal(memory.availableBytes.value + memory.workingSetBytes.value, BigInt(64 * MiB));
    assert.ok((memory.usageBytes?.value ?? 0n) >= memory.workingSetBytes.value);
    assert.ok((memory.pageFaults?.value ?? 0n) > 0n);

    await pause(600);
    const second = await statsOf(containerId);
    const [before, after] = [first, second].map(({ cpu }) => cpu?.usageCoreNanoSeconds?.value ?? 0n);
    assert.ok(before !== undefined && after !== undefined && after > before, `${before} ${after}`);
    const rate = second.cpu?.usageNanoCores?.value ?? 0n;
    assert.ok(rate > 10_000_000n && rate < 1_500_000_000n, `a busy loop uses about one core: ${rate}`);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  assert.deepEqual(remains(node), nothing);
});
