import { join } from 'node:path';
import type { CgroupHost } from '../cgroup-host.ts';
import { bigField, field, limit } from './parse.ts';
import { processesBelow } from './processes-below.ts';
import { readKernelFile } from './read-file.ts';
import type { CgroupReader, DeviceIo, MemoryUsage, SwapUsage } from './usage.ts';

/** cgroup v1, also on hybrid hosts: Documentation/admin-guide/cgroup-v1 of the kernel. It has no pressure. */
export const readV1 = ({ controllers }: CgroupHost): CgroupReader => {
  const read = (controller: string, path: string, file: string): string | undefined => {
    const root = controllers.get(controller);
    return root === undefined ? undefined : readKernelFile(join(root, path, file));
  };
  const count = (controller: string, path: string, file: string): number =>
    Number(read(controller, path, file) ?? 0);
  return {
    cpu: (path) => {
      const usage = read('cpuacct', path, 'cpuacct.usage');
      return usage === undefined ? undefined : { usageNs: BigInt(usage.trimEnd()), pressure: undefined };
    },
    cpuTimes: (path) => {
      const user = read('cpuacct', path, 'cpuacct.usage_user');
      const system = read('cpuacct', path, 'cpuacct.usage_sys');
      if (user === undefined || system === undefined) return undefined;
      const quota = read('cpu', path, 'cpu.stat') ?? '';
      return {
        userNs: BigInt(user.trimEnd()),
        systemNs: BigInt(system.trimEnd()),
        periods: field(quota, 'nr_periods') ?? 0,
        throttledPeriods: field(quota, 'nr_throttled') ?? 0,
        throttledNs: bigField(quota, 'throttled_time') ?? 0n,
      };
    },
    memory: (path) => {
      const usage = read('memory', path, 'memory.usage_in_bytes');
      const stat = read('memory', path, 'memory.stat');
      if (usage === undefined || stat === undefined) return undefined;
      const limitBytes = limit(read('memory', path, 'memory.limit_in_bytes'));
      const both = () => limit(read('memory', path, 'memory.memsw.limit_in_bytes'));
      return memoryUsage(Number(usage), stat, limitBytes, swapUsage(stat, limitBytes, both));
    },
    memoryEvents: (path) => {
      const oom = read('memory', path, 'memory.oom_control');
      if (oom === undefined) return undefined;
      return {
        maxUsageBytes: count('memory', path, 'memory.max_usage_in_bytes'),
        kernelBytes: count('memory', path, 'memory.kmem.usage_in_bytes'),
        limitHits: count('memory', path, 'memory.failcnt'),
        oomKills: field(oom, 'oom_kill') ?? 0,
      };
    },
    tasks: (path) => {
      const current = read('pids', path, 'pids.current');
      if (current === undefined) return undefined;
      return { count: Number(current), limit: limit(read('pids', path, 'pids.max')) };
    },
    io: (path) =>
      deviceIo(
        read('blkio', path, 'blkio.throttle.io_service_bytes_recursive') ?? '',
        read('blkio', path, 'blkio.throttle.io_serviced_recursive') ?? '',
      ),
    ioPressure: () => undefined,
    hugePages: (path, sizes) =>
      sizes.flatMap((pageSize) => {
        const usage = read('hugetlb', path, `hugetlb.${pageSize}.usage_in_bytes`);
        if (usage === undefined) return [];
        const most = count('hugetlb', path, `hugetlb.${pageSize}.max_usage_in_bytes`);
        return [{ pageSize, usageBytes: Number(usage), maxUsageBytes: most }];
      }),
    processes: (path) => {
      const root = controllers.get('pids') ?? controllers.get('memory');
      return root === undefined ? [] : processesBelow(join(root, path));
    },
  };
};

/** `total_` fields tell of the cgroup and those below it, as its usage does. */
const memoryUsage = (
  usageBytes: number,
  stat: string,
  limitBytes: number | undefined,
  swap: SwapUsage | undefined,
): MemoryUsage => ({
  usageBytes,
  limitBytes,
  workingSetBytes: Math.max(usageBytes - (field(stat, 'total_inactive_file') ?? 0), 0),
  rssBytes: field(stat, 'total_rss') ?? 0,
  cacheBytes: field(stat, 'total_cache') ?? 0,
  mappedFileBytes: field(stat, 'total_mapped_file') ?? 0,
  pageFaults: field(stat, 'total_pgfault') ?? 0,
  majorPageFaults: field(stat, 'total_pgmajfault') ?? 0,
  pressure: undefined,
  swap,
});

/** The limit of v1 is one of memory and swap together, so what is left for swap is the difference. */
const swapUsage = (
  stat: string,
  memoryLimit: number | undefined,
  bothLimit: () => number | undefined,
): SwapUsage | undefined => {
  const usageBytes = field(stat, 'total_swap');
  if (usageBytes === undefined) return undefined;
  const both = memoryLimit === undefined ? undefined : bothLimit();
  const limitBytes = both === undefined || memoryLimit === undefined ? undefined : both - memoryLimit;
  return { usageBytes, limitBytes };
};

/** Lines `8:0 Read 4096`; the last, `Total 4096`, has no device. */
const LINE = /^(\d+):(\d+) (Read|Write) (\d+)$/gm;

const deviceIo = (bytes: string, operations: string): readonly DeviceIo[] => {
  const devices = new Map<string, Record<keyof DeviceIo, number>>();
  const collect = (
    text: string,
    fields: Readonly<Record<string, 'readBytes' | 'writtenBytes' | 'reads' | 'writes'>>,
  ) => {
    for (const [, major = '', minor = '', kind = '', value] of text.matchAll(LINE)) {
      const key = `${major}:${minor}`;
      const device = devices.get(key) ?? {
        major: Number(major),
        minor: Number(minor),
        readBytes: 0,
        writtenBytes: 0,
        reads: 0,
        writes: 0,
      };
      devices.set(key, device);
      const name = fields[kind];
      if (name !== undefined) device[name] = Number(value);
    }
  };
  collect(bytes, { Read: 'readBytes', Write: 'writtenBytes' });
  collect(operations, { Read: 'reads', Write: 'writes' });
  return [...devices.values()];
};
