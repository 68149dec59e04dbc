import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MetricType } from '../../../runtime/spec/cri/api_pb.js';
import { nothing, ownPids, remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';

/** What the kubelet told of containers with cAdvisor, and critest asks for (cri-tools 1.37, pkg/validate/pod.go). */
const EXPECTED = `
blkio_device_usage_total cpu_cfs_periods_total cpu_cfs_throttled_periods_total cpu_cfs_throttled_seconds_total
cpu_system_seconds_total cpu_usage_seconds_total cpu_user_seconds_total file_descriptors fs_inodes_free fs_inodes_total
fs_limit_bytes fs_reads_bytes_total fs_reads_total fs_usage_bytes fs_writes_bytes_total fs_writes_total
hugetlb_max_usage_bytes hugetlb_usage_bytes last_seen memory_cache memory_failcnt memory_failures_total
memory_kernel_usage memory_mapped_file memory_max_usage_bytes memory_rss memory_swap memory_usage_bytes
memory_working_set_bytes network_receive_bytes_total network_receive_errors_total
network_receive_packets_dropped_total network_receive_packets_total network_transmit_bytes_total
network_transmit_errors_total network_transmit_packets_dropped_total network_transmit_packets_total oom_events_total
pressure_cpu_stalled_seconds_total pressure_cpu_waiting_seconds_total pressure_io_stalled_seconds_total
pressure_io_waiting_seconds_total pressure_memory_stalled_seconds_total pressure_memory_waiting_seconds_total
processes sockets spec_cpu_period spec_cpu_quota spec_cpu_shares spec_memory_limit_bytes
spec_memory_reservation_limit_bytes spec_memory_swap_limit_bytes start_time_seconds threads threads_max ulimits_soft`
  .trim()
  .split(/\s+/)
  .map((name) => `container_${name}`)
  .sort();

/** Without huge pages, pressure (cgroup v1) or a disk that counts, there is nothing to tell. */
const DEPENDS_ON_THE_HOST = /^container_(hugetlb|pressure|blkio|fs_(reads|writes))_/;

const MiB = 1024n * 1024n;
const resources = {
  cpuPeriod: 100_000n,
  cpuQuota: 20_000n,
  cpuShares: 1024n,
  memoryLimitInBytes: 64n * MiB,
  memorySwapLimitInBytes: 64n * MiB,
};

test('the metrics of pods and containers', async (t) => {
  const { node, image, podOf, start, logged } = await startBusyboxNode(t);
  const { runtime } = node;
  const metricsOf = async (pod: string) => {
    const { podMetrics } = await runtime.listPodSandboxMetrics({});
    const metrics = podMetrics.find(({ podSandboxId }) => podSandboxId === pod);
    assert.ok(metrics);
    return metrics;
  };

  await t.test('all that critest asks for is described, and told with its labels', async () => {
    const { descriptors } = await runtime.listMetricDescriptors({});
    assert.deepEqual(descriptors.map(({ name }) => name).sort(), EXPECTED);
    assert.ok(descriptors.every(({ help, labelKeys }) => help.endsWith('.') && labelKeys.length >= 5));

    const pod = await podOf('all');
    await start(pod, 'one', { ...say('echo; exec sleep 1000'), linux: { ...ownPids, resources } });
    await logged('all', 'one', 1);
    const metrics = await metricsOf(pod);
    const told = [...metrics.metrics, ...metrics.containerMetrics.flatMap((container) => container.metrics)];
    const names = new Set(told.map(({ name }) => name));
    assert.deepEqual(
      EXPECTED.filter((name) => !names.has(name) && !DEPENDS_ON_THE_HOST.test(name)),
      [],
    );
    const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
    for (const { name, labelValues, value } of told) {
      assert.equal(labelValues.length, keys.get(name)?.length, name);
      assert.ok(value !== undefined, name);
    }
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('each says whose it is, and the values are those of the container', async () => {
    const pod = await podOf('values');
    const script = 'ulimit -n 512; sleep 1000 & sleep 1000 & echo; exec nc -l -p 80';
    const container = await start(pod, 'one', { ...say(script), linux: { ...ownPids, resources } });
    await logged('values', 'one', 1);
    await pause(100);
    const { metrics, containerMetrics } = await metricsOf(pod);
    assert.deepEqual(
      containerMetrics.map(({ containerId }) => containerId),
      [container],
    );
    const told = (name: string) =>
      containerMetrics[0]?.metrics.filter((metric) => metric.name === `container_${name}`) ?? [];
    const value = (name: string) => Number(told(name)[0]?.value?.value);
    const base = [container, image, 'default', 'values', 'one'];
    assert.deepEqual(told('memory_rss')[0]?.labelValues, base);
    assert.deepEqual(told('cpu_usage_seconds_total')[0]?.labelValues, [...base, 'total']);
    assert.deepEqual(
      told('memory_failures_total').map(({ labelValues }) => labelValues.slice(5)),
      [
        ['pgfault', 'container'],
        ['pgmajfault', 'container'],
        ['pgfault', 'hierarchy'],
        ['pgmajfault', 'hierarchy'],
      ],
    );
    assert.deepEqual(
      [
        told('memory_rss')[0]?.metricType,
        told('memory_failcnt')[0]?.metricType,
        told('memory_rss')[0]?.timestamp,
      ],
      [MetricType.GAUGE, MetricType.COUNTER, 0n],
    );
    assert.deepEqual(
      [
        'spec_cpu_period',
        'spec_cpu_quota',
        'spec_cpu_shares',
        'spec_memory_limit_bytes',
        'spec_memory_swap_limit_bytes',
      ].map(value),
      [100_000, 20_000, 1024, Number(64n * MiB), Number(64n * MiB)],
    );
    assert.deepEqual([value('processes'), value('threads'), value('sockets')], [3, 3, 1]);
    assert.ok(value('file_descriptors') >= 9);
    assert.deepEqual(
      [value('ulimits_soft'), told('ulimits_soft')[0]?.labelValues.at(-1)],
      [512, 'max_open_files'],
    );
    assert.ok(Math.abs(value('start_time_seconds') - Date.now() / 1000) < 60);
    assert.ok(value('memory_max_usage_bytes') >= value('memory_working_set_bytes'));

    const network = metrics.filter(({ name }) => name === 'container_network_transmit_bytes_total');
    assert.deepEqual(
      network.map(({ labelValues }) => labelValues),
      [[pod, '', 'default', 'values', '', 'eth0']],
    );
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('the stream has the same pods', async () => {
    const pods = [await podOf('s-a'), await podOf('s-b')];
    const streamed = (await runtime.streamPodSandboxMetrics({})).flatMap(
      ({ podSandboxMetrics }) => podSandboxMetrics,
    );
    assert.deepEqual(
      streamed.map(({ podSandboxId }) => podSandboxId),
      pods,
    );
    for (const pod of pods) await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('crictl metricdescs and metricsp', async () => {
    const pod = await podOf('crictl');
    const container = await start(pod, 'one');
    const { descriptors } = JSON.parse(await node.crictl('metricdescs'));
    assert.equal(descriptors.length, EXPECTED.length);
    const { podMetrics } = JSON.parse(await node.crictl('metricsp'));
    assert.deepEqual(
      [podMetrics[0].podSandboxId, podMetrics[0].containerMetrics[0].containerId],
      [pod, container],
    );
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test(
    'the configuration says which are told, and for how long what was read is told again',
    async () => {
      appendFileSync(
        join(node.folder, 'crio.conf'),
        '[crio.stats]\ncollection_period = 4\nincluded_pod_metrics = ["oom"]\n',
      );
      await node.daemon.kill('SIGTERM');
      await node.daemon.start();
      const { descriptors } = await runtime.listMetricDescriptors({});
      assert.deepEqual(
        descriptors.map(({ name }) => name),
        ['container_last_seen', 'container_oom_events_total'],
      );
      const pod = await podOf('period');
      const containerId = await start(pod, 'one');
      const now = async () => {
        const [listed, metrics, { stats }] = [
          await runtime.listContainerStats({}),
          await metricsOf(pod),
          await runtime.containerStats({ containerId }),
        ];
        assert.equal(listed.stats[0]?.cpu?.timestamp, stats?.cpu?.timestamp);
        return {
          read: stats?.cpu?.timestamp,
          metrics: metrics.containerMetrics[0]?.metrics[0]?.timestamp ?? 0n,
        };
      };
      const first = await now();
      assert.ok(first.metrics > 0n, 'a kept metric says of when it is');
      assert.deepEqual(await now(), first);
      await pause(4100);
      const later = await now();
      assert.ok((later.read ?? 0n) > (first.read ?? 0n) && later.metrics > first.metrics);
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );

  assert.deepEqual(remains(node), nothing);
});
