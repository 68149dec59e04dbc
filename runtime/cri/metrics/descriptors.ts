import type { MetricGroup } from '../../config/config.ts';
import { MetricType } from '../../spec/cri/api_pb.js';

/**
 * The metrics of pods and containers under the names that cAdvisor made known, so that what was built on
 * /metrics/cadvisor goes on working when the kubelet asks the runtime instead.
 */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Labels besides those that each metric has. */
  readonly labels: readonly string[];
}

/** Of the pod for metrics that are the pod's: then `container` and `image` are empty and `id` is the pod's. */
export const BASE_LABELS = ['id', 'image', 'namespace', 'pod', 'container'] as const;

const { COUNTER, GAUGE } = MetricType;

type Row = readonly [help: string, type: MetricType, ...labels: readonly string[]];

const metrics = <Name extends string>(rows: Readonly<Record<Name, Row>>): Readonly<Record<Name, Metric>> => {
  const entries = Object.entries<Row>(rows).map(([name, [help, type, ...labels]]) => [
    name,
    { name, help, type, labels },
  ]);
  return Object.fromEntries(entries);
};

export const GROUPS = {
  cpu: metrics({
    container_cpu_usage_seconds_total: ['CPU time used, in seconds.', COUNTER, 'cpu'],
    container_cpu_user_seconds_total: ['CPU time used in user mode, in seconds.', COUNTER],
    container_cpu_system_seconds_total: ['CPU time used in the kernel, in seconds.', COUNTER],
    container_cpu_cfs_periods_total: ['Periods of the CPU quota that have passed.', COUNTER],
    container_cpu_cfs_throttled_periods_total: ['Periods in which the CPU quota ran out.', COUNTER],
    container_cpu_cfs_throttled_seconds_total: [
      'Time for which a used-up CPU quota held tasks back, in seconds.',
      COUNTER,
    ],
  }),
  disk: metrics({
    container_fs_usage_bytes: ['Bytes that the writable layer takes on its file system.', GAUGE],
    container_fs_limit_bytes: ['Bytes that the file system of the writable layer has.', GAUGE],
    container_fs_inodes_free: ['Inodes that are free on the file system of the writable layer.', GAUGE],
    container_fs_inodes_total: ['Inodes that the file system of the writable layer has.', GAUGE],
  }),
  diskIO: metrics({
    container_fs_reads_bytes_total: ['Bytes read from the device.', COUNTER, 'device'],
    container_fs_reads_total: ['Reads from the device.', COUNTER, 'device'],
    container_fs_writes_bytes_total: ['Bytes written to the device.', COUNTER, 'device'],
    container_fs_writes_total: ['Writes to the device.', COUNTER, 'device'],
    container_blkio_device_usage_total: [
      'Bytes moved from or to the device.',
      COUNTER,
      'device',
      'major',
      'minor',
      'operation',
    ],
  }),
  hugetlb: metrics({
    container_hugetlb_usage_bytes: ['Bytes in huge pages of this size.', GAUGE, 'pagesize'],
    container_hugetlb_max_usage_bytes: [
      'Most bytes there have been in huge pages of this size.',
      GAUGE,
      'pagesize',
    ],
  }),
  memory: metrics({
    container_memory_usage_bytes: ['Bytes of memory in use, whenever they were last touched.', GAUGE],
    container_memory_working_set_bytes: [
      'Bytes of memory in use that the kernel would not give up first.',
      GAUGE,
    ],
    container_memory_max_usage_bytes: ['Most bytes of memory there have been in use.', GAUGE],
    container_memory_rss: ['Bytes of anonymous memory.', GAUGE],
    container_memory_cache: ['Bytes of the page cache.', GAUGE],
    container_memory_mapped_file: ['Bytes of files that are mapped into memory.', GAUGE],
    container_memory_kernel_usage: ['Bytes of kernel memory.', GAUGE],
    container_memory_swap: ['Bytes in swap.', GAUGE],
    container_memory_failcnt: ['How often the memory limit was hit.', COUNTER],
    container_memory_failures_total: ['Page faults.', COUNTER, 'failure_type', 'scope'],
  }),
  network: metrics({
    container_network_receive_bytes_total: ['Bytes received.', COUNTER, 'interface'],
    container_network_receive_packets_total: ['Packets received.', COUNTER, 'interface'],
    container_network_receive_packets_dropped_total: ['Packets dropped on receipt.', COUNTER, 'interface'],
    container_network_receive_errors_total: ['Errors on receipt.', COUNTER, 'interface'],
    container_network_transmit_bytes_total: ['Bytes sent.', COUNTER, 'interface'],
    container_network_transmit_packets_total: ['Packets sent.', COUNTER, 'interface'],
    container_network_transmit_packets_dropped_total: ['Packets dropped on sending.', COUNTER, 'interface'],
    container_network_transmit_errors_total: ['Errors on sending.', COUNTER, 'interface'],
  }),
  oom: metrics({
    container_oom_events_total: ['Processes that the kernel killed for want of memory.', COUNTER],
  }),
  pressure: metrics({
    container_pressure_cpu_waiting_seconds_total: [
      'Time in which some task waited for a CPU, in seconds.',
      COUNTER,
    ],
    container_pressure_cpu_stalled_seconds_total: [
      'Time in which all tasks waited for a CPU, in seconds.',
      COUNTER,
    ],
    container_pressure_memory_waiting_seconds_total: [
      'Time in which some task waited for memory, in seconds.',
      COUNTER,
    ],
    container_pressure_memory_stalled_seconds_total: [
      'Time in which all tasks waited for memory, in seconds.',
      COUNTER,
    ],
    container_pressure_io_waiting_seconds_total: [
      'Time in which some task waited for I/O, in seconds.',
      COUNTER,
    ],
    container_pressure_io_stalled_seconds_total: [
      'Time in which all tasks waited for I/O, in seconds.',
      COUNTER,
    ],
  }),
  process: metrics({
    container_processes: ['Processes.', GAUGE],
    container_threads: ['Threads.', GAUGE],
    container_threads_max: ['Most threads there may be; 0: any number.', GAUGE],
    container_file_descriptors: ['Open file descriptors.', GAUGE],
    container_sockets: ['Open sockets.', GAUGE],
    container_ulimits_soft: [
      'Soft resource limits of the first process; one without a limit is left out.',
      GAUGE,
      'ulimit',
    ],
  }),
  spec: metrics({
    container_spec_cpu_period: ['Period of the CPU quota, in microseconds.', GAUGE],
    container_spec_cpu_quota: ['CPU quota, in microseconds of each period.', GAUGE],
    container_spec_cpu_shares: ['CPU shares.', GAUGE],
    container_spec_memory_limit_bytes: ['Memory limit; 0: none.', GAUGE],
    container_spec_memory_reservation_limit_bytes: ['Memory that is kept for the container; 0: none.', GAUGE],
    container_spec_memory_swap_limit_bytes: ['Limit of memory and swap together; 0: none.', GAUGE],
    container_start_time_seconds: ['When it was started, in seconds since the epoch.', GAUGE],
  }),
} as const satisfies Record<MetricGroup, Readonly<Record<string, Metric>>>;

/** Told whatever the configuration says. */
export const ALWAYS = metrics({
  container_last_seen: ['When it was last looked at, in seconds since the epoch.', GAUGE],
});

export const metricsOf = (groups: readonly MetricGroup[]): readonly Metric[] => [
  ...Object.values(ALWAYS),
  ...groups.flatMap((group) => Object.values(GROUPS[group])),
];
