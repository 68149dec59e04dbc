import { join } from 'node:path';
import type { CgroupHost } from '../cgroup-host.ts';
import { bigField, field, limit, pressure } from './parse.ts';
import { processesBelow } from './processes-below.ts';
import { readKernelFile } from './read-file.ts';
import type { CgroupReader, DeviceIo, MemoryUsage, SwapUsage } from './usage.ts';

/** cgroup v2: Documentation/admin-guide/cgroup-v2.rst of the kernel. */
export const readV2 = ({ unified = '/sys/fs/cgroup' }: CgroupHost): CgroupReader => {
  const read = (path: string, file: string): string | undefined => readKernelFile(join(unified, path, file));
  return {
    cpu: (path) => {
      const usage = bigField(read(path, 'cpu.stat') ?? '', 'usage_usec');
      if (usage === undefined) return undefined;
      return { usageNs: usage * 1000n, pressure: pressure(read(path, 'cpu.pressure')) };
    },
    cpuTimes: (path) => {
      const stat = read(path, 'cpu.stat');
      if (stat === undefined) return undefined;
      return {
        userNs: (bigField(stat, 'user_usec') ?? 0n) * 1000n,
        systemNs: (bigField(stat, 'system_usec') ?? 0n) * 1000n,
        periods: field(stat, 'nr_periods') ?? 0,
        throttledPeriods: field(stat, 'nr_throttled') ?? 0,
        throttledNs: (bigField(stat, 'throttled_usec') ?? 0n) * 1000n,
      };
    },
    memory: (path) => {
      const usage = read(path, 'memory.current');
      const stat = read(path, 'memory.stat');
      if (usage === undefined || stat === undefined) return undefined;
      const swapped = read(path, 'memory.swap.current');
      const swap = swapped === undefined ? undefined : swapUsage(swapped, read(path, 'memory.swap.max'));
      return {
        ...memoryUsage(Number(usage), stat),
        limitBytes: limit(read(path, 'memory.max')),
        pressure: pressure(read(path, 'memory.pressure')),
        swap,
      };
    },
    memoryEvents: (path) => {
      const events = read(path, 'memory.events');
      if (events === undefined) return undefined;
      const peak = read(path, 'memory.peak');
      return {
        maxUsageBytes: peak === undefined ? undefined : Number(peak),
        kernelBytes: kernelBytes(read(path, 'memory.stat') ?? ''),
        limitHits: field(events, 'max') ?? 0,
        oomKills: field(events, 'oom_kill') ?? 0,
      };
    },
    tasks: (path) => {
      const current = read(path, 'pids.current');
      if (current === undefined) return undefined;
      return { count: Number(current), limit: limit(read(path, 'pids.max')) };
    },
    io: (path) => deviceIo(read(path, 'io.stat') ?? ''),
    ioPressure: (path) => pressure(read(path, 'io.pressure')),
    hugePages: (path, sizes) =>
      sizes.flatMap((pageSize) => {
        const usage = read(path, `hugetlb.${pageSize}.current`);
        return usage === undefined ? [] : [{ pageSize, usageBytes: Number(usage), maxUsageBytes: undefined }];
      }),
    processes: (path) => processesBelow(join(unified, path)),
  };
};

const memoryUsage = (
  usageBytes: number,
  stat: string,
): Omit<MemoryUsage, 'limitBytes' | 'pressure' | 'swap'> => ({
  usageBytes,
  workingSetBytes: Math.max(usageBytes - (field(stat, 'inactive_file') ?? 0), 0),
  rssBytes: field(stat, 'anon') ?? 0,
  cacheBytes: field(stat, 'file') ?? 0,
  mappedFileBytes: field(stat, 'file_mapped') ?? 0,
  pageFaults: field(stat, 'pgfault') ?? 0,
  majorPageFaults: field(stat, 'pgmajfault') ?? 0,
});

const swapUsage = (current: string, max: string | undefined): SwapUsage => ({
  usageBytes: Number(current),
  limitBytes: limit(max),
});

/** Kernels before 5.18 have the parts and not the sum. */
const kernelBytes = (stat: string): number =>
  field(stat, 'kernel') ??
  ['kernel_stack', 'pagetables', 'percpu', 'sock', 'slab'].reduce(
    (sum, part) => sum + (field(stat, part) ?? 0),
    0,
  );

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`; a device may have others, and none of these. */
const deviceIo = (text: string): readonly DeviceIo[] =>
  [...text.matchAll(/^(\d+):(\d+) (.*)$/gm)].map(([, major, minor, pairs = '']) => {
    const values = new Map(pairs.split(' ').map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]));
    return {
      major: Number(major),
      minor: Number(minor),
      readBytes: values.get('rbytes') ?? 0,
      writtenBytes: values.get('wbytes') ?? 0,
      reads: values.get('rios') ?? 0,
      writes: values.get('wios') ?? 0,
    };
  });
