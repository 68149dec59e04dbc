import type { MetricGroup } from '../../config/config.ts';
import type { ContainerRecord } from '../../containers/record.ts';
import type { FileSystemUsage } from '../../linux/file-system.ts';
import type { Census } from '../../resources/usage/census.ts';
import type { ContainerUsage } from '../../resources/usage/collect.ts';
import type { CgroupReader, DeviceIo, MemoryEvents, Pressure } from '../../resources/usage/usage.ts';
import { ALWAYS, GROUPS } from './descriptors.ts';
import { type Sample, sample, seconds } from './sample.ts';

/** Everything that a container's metrics are made from. */
export interface ContainerFacts {
  readonly record: ContainerRecord;
  readonly usage: ContainerUsage;
  /** Its folder below the hierarchies. */
  readonly cgroup: string;
  readonly reader: CgroupReader;
  readonly memoryEvents: MemoryEvents | undefined;
  readonly hugePageSizes: readonly string[];
  /** Of its processes; undefined while the first count takes its time. */
  readonly census: Census | undefined;
  /** The soft limit of open files. */
  readonly openFiles: number | undefined;
  /** Where its writable layer is. */
  readonly fileSystem: FileSystemUsage;
}

export const containerSamples = (
  facts: ContainerFacts,
  groups: readonly MetricGroup[],
): readonly Sample[] => [
  ...sample(ALWAYS.container_last_seen, seconds(facts.usage.atNs)),
  ...groups.flatMap((group) => SAMPLES[group](facts)),
];

type Samples = (facts: ContainerFacts) => readonly Sample[];

const cpu: Samples = ({ usage, reader, cgroup }) => {
  const metric = GROUPS.cpu;
  const times = reader.cpuTimes(cgroup);
  return [
    ...sample(metric.container_cpu_usage_seconds_total, seconds(usage.cpu?.usageNs), 'total'),
    ...sample(metric.container_cpu_user_seconds_total, seconds(times?.userNs)),
    ...sample(metric.container_cpu_system_seconds_total, seconds(times?.systemNs)),
    ...sample(metric.container_cpu_cfs_periods_total, times?.periods),
    ...sample(metric.container_cpu_cfs_throttled_periods_total, times?.throttledPeriods),
    ...sample(metric.container_cpu_cfs_throttled_seconds_total, seconds(times?.throttledNs)),
  ];
};

const disk: Samples = ({ usage, fileSystem }) => {
  const metric = GROUPS.disk;
  return [
    ...sample(metric.container_fs_usage_bytes, usage.layer?.bytes),
    ...sample(metric.container_fs_limit_bytes, fileSystem.totalBytes),
    ...sample(metric.container_fs_inodes_free, fileSystem.totalInodes - fileSystem.usedInodes),
    ...sample(metric.container_fs_inodes_total, fileSystem.totalInodes),
  ];
};

const diskIO: Samples = ({ reader, cgroup }) => reader.io(cgroup).flatMap(deviceSamples);

const deviceSamples = (io: DeviceIo): readonly Sample[] => {
  const metric = GROUPS.diskIO;
  const device = `${io.major}:${io.minor}`;
  const numbers = [device, String(io.major), String(io.minor)];
  return [
    ...sample(metric.container_fs_reads_bytes_total, io.readBytes, device),
    ...sample(metric.container_fs_reads_total, io.reads, device),
    ...sample(metric.container_fs_writes_bytes_total, io.writtenBytes, device),
    ...sample(metric.container_fs_writes_total, io.writes, device),
    ...sample(metric.container_blkio_device_usage_total, io.readBytes, ...numbers, 'read'),
    ...sample(metric.container_blkio_device_usage_total, io.writtenBytes, ...numbers, 'write'),
  ];
};

const hugetlb: Samples = ({ reader, cgroup, hugePageSizes }) =>
  reader
    .hugePages(cgroup, hugePageSizes)
    .flatMap(({ pageSize, usageBytes, maxUsageBytes }) => [
      ...sample(GROUPS.hugetlb.container_hugetlb_usage_bytes, usageBytes, pageSize),
      ...sample(GROUPS.hugetlb.container_hugetlb_max_usage_bytes, maxUsageBytes, pageSize),
    ]);

const memory: Samples = ({ usage: { memory: used }, memoryEvents: events }) => {
  const metric = GROUPS.memory;
  if (used === undefined) return [];
  return [
    ...sample(metric.container_memory_usage_bytes, used.usageBytes),
    ...sample(metric.container_memory_working_set_bytes, used.workingSetBytes),
    ...sample(metric.container_memory_max_usage_bytes, events?.maxUsageBytes),
    ...sample(metric.container_memory_rss, used.rssBytes),
    ...sample(metric.container_memory_cache, used.cacheBytes),
    ...sample(metric.container_memory_mapped_file, used.mappedFileBytes),
    ...sample(metric.container_memory_kernel_usage, events?.kernelBytes),
    // A kernel that does not account swap lets no container have any.
    ...sample(metric.container_memory_swap, used.swap?.usageBytes ?? 0),
    ...sample(metric.container_memory_failcnt, events?.limitHits),
    ...(['container', 'hierarchy'] as const).flatMap((scope) => [
      ...sample(metric.container_memory_failures_total, used.pageFaults, 'pgfault', scope),
      ...sample(metric.container_memory_failures_total, used.majorPageFaults, 'pgmajfault', scope),
    ]),
  ];
};

const oom: Samples = ({ memoryEvents }) =>
  sample(GROUPS.oom.container_oom_events_total, memoryEvents?.oomKills);

const pressure: Samples = ({ usage }) => {
  const metric = GROUPS.pressure;
  const full = (of: Pressure | undefined) => seconds(of?.full?.totalNs);
  const some = (of: Pressure | undefined) => seconds(of?.some.totalNs);
  return [
    ...sample(metric.container_pressure_cpu_waiting_seconds_total, some(usage.cpu?.pressure)),
    ...sample(metric.container_pressure_cpu_stalled_seconds_total, full(usage.cpu?.pressure)),
    ...sample(metric.container_pressure_memory_waiting_seconds_total, some(usage.memory?.pressure)),
    ...sample(metric.container_pressure_memory_stalled_seconds_total, full(usage.memory?.pressure)),
    ...sample(metric.container_pressure_io_waiting_seconds_total, some(usage.ioPressure)),
    ...sample(metric.container_pressure_io_stalled_seconds_total, full(usage.ioPressure)),
  ];
};

const processMetrics: Samples = ({ reader, cgroup, census, openFiles }) => {
  const metric = GROUPS.process;
  const tasks = reader.tasks(cgroup);
  return [
    ...sample(metric.container_processes, census?.processes),
    ...sample(metric.container_threads, tasks?.count),
    ...sample(metric.container_threads_max, tasks === undefined ? undefined : (tasks.limit ?? 0)),
    ...sample(metric.container_file_descriptors, census?.fileDescriptors),
    ...sample(metric.container_sockets, census?.sockets),
    ...sample(metric.container_ulimits_soft, openFiles, 'max_open_files'),
  ];
};

const spec: Samples = ({ record }) => {
  const metric = GROUPS.spec;
  const asked = record.config.linux?.resources;
  const reserved = asked?.unified['memory.min'] ?? '0';
  return [
    ...sample(metric.container_spec_cpu_period, asked?.cpuPeriod ?? 0n),
    ...sample(
      metric.container_spec_cpu_quota,
      asked !== undefined && asked.cpuQuota > 0n ? asked.cpuQuota : undefined,
    ),
    ...sample(metric.container_spec_cpu_shares, asked?.cpuShares ?? 0n),
    ...sample(metric.container_spec_memory_limit_bytes, limitOrNone(asked?.memoryLimitInBytes)),
    ...sample(metric.container_spec_memory_swap_limit_bytes, limitOrNone(asked?.memorySwapLimitInBytes)),
    ...sample(
      metric.container_spec_memory_reservation_limit_bytes,
      /^\d+$/.test(reserved) ? BigInt(reserved) : 0n,
    ),
    ...sample(
      metric.container_start_time_seconds,
      seconds(record.startedAtNs ?? record.createdAtNs ?? undefined),
    ),
  ];
};

const limitOrNone = (limit: bigint | undefined): bigint => (limit === undefined || limit < 0n ? 0n : limit);

const SAMPLES: Readonly<Record<MetricGroup, Samples>> = {
  cpu,
  disk,
  diskIO,
  hugetlb,
  memory,
  // Told once for the pod: its containers share the interfaces.
  network: () => [],
  oom,
  pressure,
  process: processMetrics,
  spec,
};
