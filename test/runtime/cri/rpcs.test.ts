import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import {
  CgroupDriver,
  ContainerState,
  ImageService,
  PodSandboxState,
  RuntimeService,
} from '../../../runtime/spec/cri/api_pb.js';
import { nothing, remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';
import { assertTestsExist, rowsOfTable } from '../../harness/table-of-tests.ts';

test('each RPC of the CRI has the tests that rpcs.md names', () => {
  const rows = rowsOfTable(readFileSync(join(import.meta.dirname, 'rpcs.md'), 'utf8'));
  assert.deepEqual(
    rows.map(([rpc]) => rpc),
    [...RuntimeService.methods, ...ImageService.methods].map(({ name }) => name),
  );
  for (const [, tests = ''] of rows) assertTestsExist(join(import.meta.dirname, '..'), tests);
});

test('what the comments of the api.proto ask of calls, beyond what they are for', async (t) => {
  const { node, image, podOf, create, start, statusOf } = await startBusyboxNode(t);
  const { runtime, images } = node;
  const forEver = say('trap "" TERM; while :; do sleep 1; done');

  await t.test('whatever runs in a pod ends with its stop', async () => {
    const podSandboxId = await podOf('stopped');
    const running = await start(podSandboxId, 'running', forEver);
    const created = await create(podSandboxId, 'created');
    for (let time = 0; time < 2; time += 1) await runtime.stopPodSandbox({ podSandboxId });
    for (const id of [running, created])
      assert.equal((await statusOf(id)).state, ContainerState.CONTAINER_EXITED);
    const { status: pod } = await runtime.podSandboxStatus({ podSandboxId });
    assert.equal(pod?.state, PodSandboxState.SANDBOX_NOTREADY);
    await runtime.removePodSandbox({ podSandboxId });
  });

  await t.test('whatever runs in a pod goes with its removal', async () => {
    const podSandboxId = await podOf('removed');
    const containerId = await start(podSandboxId, 'running', forEver);
    for (let time = 0; time < 2; time += 1) await runtime.removePodSandbox({ podSandboxId });
    await assert.rejects(runtime.containerStatus({ containerId }), { code: status.NOT_FOUND });
    await assert.rejects(runtime.podSandboxStatus({ podSandboxId }), { code: status.NOT_FOUND });
    assert.deepEqual(remains(node), nothing);
  });

  await t.test('a container that runs is removed by force', async () => {
    const podSandboxId = await podOf('forced');
    const containerId = await start(podSandboxId, 'running', forEver);
    for (let time = 0; time < 2; time += 1) await runtime.removeContainer({ containerId });
    await assert.rejects(runtime.containerStatus({ containerId }), { code: status.NOT_FOUND });
    await runtime.removePodSandbox({ podSandboxId });
  });

  await t.test('a container starts once', async () => {
    const podSandboxId = await podOf('once');
    const containerId = await start(podSandboxId, 'one');
    const again = () => runtime.startContainer({ containerId });
    await assert.rejects(again(), {
      code: status.FAILED_PRECONDITION,
      details: /it is running, not created/,
    });
    await runtime.stopContainer({ containerId, timeout: 0n });
    await assert.rejects(again(), { code: status.FAILED_PRECONDITION, details: /it is exited, not created/ });
    await runtime.removePodSandbox({ podSandboxId });
  });

  await t.test('each stream has what the list has', async () => {
    const pods = [await podOf('one', { labels: { tier: 'front' } }), await podOf('two')];
    const containers = [await create(pods[0] ?? '', 'one'), await create(pods[1] ?? '', 'two')];
    const ids = (items: readonly { readonly id: string }[]) => items.map(({ id }) => id).sort();
    for (const [filter, expected] of [
      [{}, pods],
      [{ labelSelector: { tier: 'front' } }, pods.slice(0, 1)],
    ] as const) {
      const streamed = await runtime.streamPodSandboxes({ filter });
      assert.deepEqual(ids(streamed.flatMap(({ podSandboxes }) => podSandboxes)), expected.toSorted());
      assert.deepEqual(ids((await runtime.listPodSandbox({ filter })).items), expected.toSorted());
    }
    const streamed = await runtime.streamContainers({});
    assert.deepEqual(ids(streamed.flatMap((answer) => answer.containers)), containers.toSorted());
    for (const filter of [{}, { image: { image } }]) {
      const { images: listed } = await images.listImages({ filter });
      const streamedImages = await images.streamImages({ filter });
      assert.equal(listed.length, 1);
      assert.deepEqual(
        streamedImages.flatMap((answer) => answer.images),
        listed,
      );
    }
    assert.deepEqual(await images.streamImages({ filter: { image: { image: 'none.example/x:1' } } }), []);
    for (const podSandboxId of pods) await runtime.removePodSandbox({ podSandboxId });
    assert.deepEqual(await runtime.streamPodSandboxes({}), [], 'a list of at least one item, or none at all');
  });

  await t.test('what berthd does not do is UNIMPLEMENTED', async () => {
    for (const call of [
      runtime.checkpointContainer({ containerId: '0'.repeat(64), location: '/tmp/checkpoint' }),
      runtime.checkpointPod({}),
      runtime.restorePod({}),
    ])
      await assert.rejects(call, { code: status.UNIMPLEMENTED });
  });

  await t.test('the kubelet learns the cgroup driver', async () => {
    assert.equal((await runtime.runtimeConfig({})).linux?.cgroupDriver, CgroupDriver.CGROUPFS);
    await node.daemon.kill('SIGTERM');
    writeFileSync(join(node.folder, 'conf.d/60-driver.conf'), '[crio.runtime]\ncgroup_manager = "systemd"\n');
    await node.daemon.start();
    assert.equal((await runtime.runtimeConfig({})).linux?.cgroupDriver, CgroupDriver.SYSTEMD);
  });

  assert.deepEqual(remains(node), nothing);
});
