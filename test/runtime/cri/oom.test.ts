import assert from 'node:assert/strict';
import test from 'node:test';
import { ContainerState } from '../../../runtime/spec/cri/api_pb.js';
import { nothing, ownPids, remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';

const MiB = 1024n * 1024n;
const limited = { linux: { ...ownPids, resources: { memoryLimitInBytes: 20n * MiB } } };
/** Takes memory until it is killed. */
const GLUTTON = 'tail /dev/zero';

test('why a container ended when memory was short', async (t) => {
  const { node, podOf, start, statusOf, ended, logged } = await startBusyboxNode(t);
  const { runtime } = node;
  const oomEvents = async (pod: string): Promise<readonly number[]> => {
    const { podMetrics } = await runtime.listPodSandboxMetrics({});
    const metrics = podMetrics.find(({ podSandboxId }) => podSandboxId === pod);
    return (metrics?.containerMetrics ?? []).map((container) => {
      const events = container.metrics.find(({ name }) => name === 'container_oom_events_total');
      return Number(events?.value?.value);
    });
  };

  const CASES: readonly (readonly [string, string, number, string])[] = [
    ['its first process', `exec ${GLUTTON}`, 137, 'OOMKilled'],
    ['a child whose end it passes on', `${GLUTTON}; exit $?`, 137, 'OOMKilled'],
    ['a child of a child, and it fails for it', `(${GLUTTON}; echo died; exit 1) || exit 3`, 3, 'OOMKilled'],
    ['a child, and it gets over it', `${GLUTTON}; exit 0`, 0, 'Completed'],
  ];
  for (const [index, [what, script, exitCode, reason]] of CASES.entries()) {
    await t.test(`the kernel killed ${what}: ${reason}`, async () => {
      const pod = await podOf(`case-${index}`);
      const end = await ended(await start(pod, 'one', { ...say(script), ...limited }));
      assert.deepEqual([end.exitCode, end.reason], [exitCode, reason]);
      await runtime.removePodSandbox({ podSandboxId: pod });
    });
  }

  await t.test('a container that lives on counts its dead, and its neighbour does not', async () => {
    const pod = await podOf('lives');
    const one = await start(pod, 'one', { ...say(`${GLUTTON}; echo alive; exec sleep 1000`), ...limited });
    await logged('lives', 'one', 1);
    const two = await start(pod, 'two', say('exec sleep 1000'));
    assert.deepEqual(await oomEvents(pod), [1, 0]);
    assert.equal((await statusOf(one)).state, ContainerState.CONTAINER_RUNNING);
    for (const containerId of [two, one]) {
      await runtime.stopContainer({ containerId, timeout: 0n });
      const { exitCode, reason } = await statusOf(containerId);
      assert.deepEqual([exitCode, reason], [137, 'Error'], 'whoever asked for its end has ended it');
    }
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('the kernel is quicker than the patience of a stop', async () => {
    const pod = await podOf('late');
    const script = `trap '${GLUTTON}; exit 1' TERM; echo ready; while :; do sleep 0.02; done`;
    const containerId = await start(pod, 'one', { ...say(script), ...limited });
    await logged('late', 'one', 1);
    await runtime.stopContainer({ containerId, timeout: 20n });
    const { exitCode, reason } = await statusOf(containerId);
    assert.deepEqual([exitCode, reason], [1, 'OOMKilled']);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('a command that was executed in it can be killed without it', async () => {
    const pod = await podOf('exec');
    const containerId = await start(pod, 'one', { ...say('exec sleep 1000'), ...limited });
    const { exitCode } = await runtime.execSync({ containerId, cmd: GLUTTON.split(' '), timeout: 20n });
    assert.equal(exitCode, 137);
    assert.deepEqual(await oomEvents(pod), [1]);
    assert.equal((await statusOf(containerId)).state, ContainerState.CONTAINER_RUNNING);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('a limit that is raised in time saves', async () => {
    const pod = await podOf('raised');
    const script = 'sleep 0.5; data=$(head -c 24000000 /dev/zero | tr "\\0" x); echo ${#data}';
    const containerId = await start(pod, 'one', { ...say(script), ...limited });
    await runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 200n * MiB } });
    const end = await ended(containerId);
    assert.deepEqual([end.exitCode, end.reason], [0, 'Completed']);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  assert.deepEqual(remains(node), nothing);
});
