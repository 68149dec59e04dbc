import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import { detectCgroups } from '../../../runtime/resources/cgroup-host.ts';
import { ContainerState } from '../../../runtime/spec/cri/api_pb.js';
import { nothing, ownPids, remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';

const MiB = 1024n * 1024n;
const cgroups = await detectCgroups();
const V1 = cgroups.mode !== 'v2';

test('limits of containers change while they run', async (t) => {
  const { node, podOf, create, start, statusOf, logged } = await startBusyboxNode(t);
  const { runtime } = node;
  const limited = (resources: object) => ({ linux: { ...ownPids, resources } });
  /** A file of the container's cgroup. */
  const limit = (id: string, controller: string, v1: string, v2: string) => {
    const root = cgroups.controllers.get(controller) ?? '';
    return readFileSync(join(root, `berth-test-${node.name}`, `berth-${id}`, V1 ? v1 : v2), 'utf8').trim();
  };
  const memory = (id: string) => limit(id, 'memory', 'memory.limit_in_bytes', 'memory.max');
  const quota = (id: string) =>
    V1
      ? `${limit(id, 'cpu', 'cpu.cfs_quota_us', '')} ${limit(id, 'cpu', 'cpu.cfs_period_us', '')}`
      : limit(id, 'cpu', '', 'cpu.max');
  const resourcesOf = async (id: string) => (await statusOf(id)).resources?.linux;

  await t.test(
    'the kernel and ContainerStatus say the new limits, and what was not named stays',
    async () => {
      const pod = await podOf('change');
      const containerId = await start(
        pod,
        'one',
        limited({ memoryLimitInBytes: 64n * MiB, cpuShares: 512n }),
      );
      await runtime.updateContainerResources({
        containerId,
        linux: { memoryLimitInBytes: 96n * MiB, cpuQuota: 20_000n, cpuPeriod: 100_000n },
      });
      assert.equal(memory(containerId), String(96n * MiB));
      assert.equal(quota(containerId), '20000 100000');
      if (V1) assert.equal(limit(containerId, 'cpu', 'cpu.shares', ''), '512');
      const now = await resourcesOf(containerId);
      assert.deepEqual(
        [now?.memoryLimitInBytes, now?.cpuQuota, now?.cpuPeriod, now?.cpuShares],
        [96n * MiB, 20_000n, 100_000n, 512n],
      );
      await runtime.updateContainerResources({
        containerId,
        linux: { cpuQuota: -1n, memoryLimitInBytes: 32n * MiB },
      });
      assert.equal(memory(containerId), String(32n * MiB));
      assert.match(quota(containerId), /^(-1|max) 100000$/);
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );

  await t.test('a created container is updated before its start; an ended one is not', async () => {
    const pod = await podOf('early');
    const containerId = await create(pod, 'one', limited({ memoryLimitInBytes: 64n * MiB }));
    await runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 48n * MiB } });
    await runtime.startContainer({ containerId });
    assert.equal(memory(containerId), String(48n * MiB));
    await runtime.stopContainer({ containerId, timeout: 0n });
    await assert.rejects(
      runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 64n * MiB } }),
      {
        code: status.FAILED_PRECONDITION,
        details: /cannot update container .*: it is exited/,
      },
    );
    assert.equal((await resourcesOf(containerId))?.memoryLimitInBytes, 48n * MiB);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('what makes no sense is refused by its name, and nothing changes', async () => {
    const pod = await podOf('absurd');
    const containerId = await start(pod, 'one', limited({ memoryLimitInBytes: 64n * MiB, cpuShares: 512n }));
    const refused = async (linux: object, details: RegExp) => {
      await assert.rejects(runtime.updateContainerResources({ containerId, linux }), {
        code: status.INVALID_ARGUMENT,
        details,
      });
    };
    await refused({ cpuShares: -1n }, /linux\.resources\.cpu_shares -1 is out of range/);
    await refused({ cpuPeriod: 10n }, /cpu_period 10 is out of range; it may be from 1000 to 1000000/);
    await refused({ cpuQuota: 1n }, /cpu_quota 1 is out of range/);
    await refused(
      { memorySwapLimitInBytes: 32n * MiB },
      /memory_swap_limit_in_bytes 33554432 is less than that of memory, which is limited to 67108864/,
    );
    await refused({ memoryLimitInBytes: -2n }, /memory_limit_in_bytes -2 is out of range/);
    await refused({ cpusetCpus: '0;reboot' }, /cpuset_cpus "0;reboot" is not a list/);
    await refused({ oomScoreAdj: 2000n }, /oom_score_adj 2000/);
    await refused({ hugepageLimits: [{ pageSize: '3MB', limit: 4096n }] }, /no pages of "3MB"/);
    await assert.rejects(runtime.updateContainerResources({ containerId }), {
      code: status.INVALID_ARGUMENT,
      details: /the request lacks linux/,
    });
    await assert.rejects(runtime.updateContainerResources({ containerId: '0'.repeat(64), linux: {} }), {
      code: status.NOT_FOUND,
    });
    assert.equal(memory(containerId), String(64n * MiB));
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('what the kernel refuses changes nothing, neither there nor in the record', async () => {
    const pod = await podOf('refused');
    const containerId = await start(pod, 'one', limited({ memoryLimitInBytes: 64n * MiB, cpuShares: 512n }));
    await assert.rejects(
      runtime.updateContainerResources({ containerId, linux: { cpuShares: 256n, cpusetCpus: '4000' } }),
      { code: status.FAILED_PRECONDITION, details: /cpuset/ },
    );
    if (V1) assert.equal(limit(containerId, 'cpu', 'cpu.shares', ''), '512');
    assert.equal((await resourcesOf(containerId))?.cpuShares, 512n);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('a limit below what is in use is refused, and the container lives on', async () => {
    const pod = await podOf('shrink');
    const script =
      'data=$(head -c 20000000 /dev/zero | tr "\\0" x); echo full; exec 0<&-; while :; do sleep 1; done';
    const containerId = await start(pod, 'one', {
      ...say(script),
      ...limited({ memoryLimitInBytes: 200n * MiB }),
    });
    await logged('shrink', 'one', 1);
    await assert.rejects(
      runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 8n * MiB } }),
      {
        code: status.FAILED_PRECONDITION,
        details:
          /container .* has \d+ bytes of memory that cannot be given up, more than the limit of 8388608/,
      },
    );
    assert.equal(memory(containerId), String(200n * MiB));
    assert.equal((await resourcesOf(containerId))?.memoryLimitInBytes, 200n * MiB);
    assert.equal((await statusOf(containerId)).state, ContainerState.CONTAINER_RUNNING);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test(
    'devices stay as they were allowed',
    { skip: V1 ? false : 'cgroup v2 has no list of them' },
    async () => {
      const pod = await podOf('devices');
      const containerId = await start(pod, 'one', limited({ cpuShares: 512n }));
      const allowed = () => limit(containerId, 'devices', 'devices.list', '');
      const before = allowed();
      await runtime.updateContainerResources({ containerId, linux: { cpuShares: 600n } });
      assert.equal(allowed(), before);
      assert.match(before, /^c 1:3 rwm$/m);
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );

  await t.test('the OOM score follows in the processes that have the former one', async () => {
    const pod = await podOf('score');
    const containerId = await start(pod, 'one', {
      ...say('(echo 900 > /proc/self/oom_score_adj; exec sleep 1000) & sleep 1000'),
      ...limited({ oomScoreAdj: 500n }),
    });
    const scores = async () => {
      const script = 'for p in $(pidof sleep); do cat /proc/$p/oom_score_adj; done | sort -n | tr "\\n" " "';
      const { stdout } = await runtime.execSync({ containerId, cmd: ['sh', '-c', script] });
      return Buffer.from(stdout).toString().trim();
    };
    assert.equal(await scores(), '500 900');
    await runtime.updateContainerResources({ containerId, linux: { oomScoreAdj: 700n } });
    assert.equal(await scores(), '700 900');
    assert.equal((await resourcesOf(containerId))?.oomScoreAdj, 700n);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('a restart of the daemon keeps the new limits of container and pod', async () => {
    const pod = await podOf('keep');
    const containerId = await start(pod, 'one', limited({ memoryLimitInBytes: 64n * MiB }));
    await runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 80n * MiB } });
    await runtime.updatePodSandboxResources({
      podSandboxId: pod,
      resources: { cpuShares: 2048n, memoryLimitInBytes: 256n * MiB },
      overhead: { cpuShares: 10n },
    });
    await node.daemon.kill('SIGKILL');
    await node.daemon.start();
    assert.equal((await resourcesOf(containerId))?.memoryLimitInBytes, 80n * MiB);
    const { info } = await runtime.podSandboxStatus({ podSandboxId: pod, verbose: true });
    const { resources, overhead } = JSON.parse(info['info'] ?? '');
    assert.deepEqual(resources, { cpuShares: '2048', memoryLimitInBytes: String(256n * MiB) });
    assert.deepEqual(overhead, { cpuShares: '10' });
    const inspected = JSON.parse(await node.crictl('inspect', containerId));
    assert.equal(inspected.info.runtimeSpec.linux.resources.memory.limit, Number(80n * MiB));
    await assert.rejects(
      runtime.updatePodSandboxResources({ podSandboxId: pod, resources: { cpuPeriod: 1n } }),
      { code: status.INVALID_ARGUMENT },
    );
    await runtime.removePodSandbox({ podSandboxId: pod });
    await assert.rejects(runtime.updatePodSandboxResources({ podSandboxId: pod }), {
      code: status.NOT_FOUND,
    });
  });

  await t.test('crictl update', async () => {
    const pod = await podOf('crictl');
    const containerId = await start(pod, 'one', limited({ memoryLimitInBytes: 64n * MiB }));
    await node.crictl('update', '--memory', String(72n * MiB), '--cpu-share', '300', containerId);
    assert.equal(memory(containerId), String(72n * MiB));
    const { status: seen } = JSON.parse(await node.crictl('inspect', containerId));
    assert.equal(seen.resources.linux.memoryLimitInBytes, String(72n * MiB));
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  assert.deepEqual(remains(node), nothing);
});
