/** What cgroups and namespaces tell of use. Bytes and counts are numbers; nanoseconds, which outgrow 2^53, are bigint. */

/** `some` or `full` of a pressure file: Documentation/accounting/psi.rst of the kernel. */
export interface Stall {
  readonly totalNs: bigint;
  /** Per cent of the last 10, 60 and 300 s. */
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
}

export interface Pressure {
  readonly some: Stall;
  /** Older kernels have none for the CPU. */
  readonly full: Stall | undefined;
}

export interface CpuUsage {
  /** Of all CPUs together, since the cgroup was made. */
  readonly usageNs: bigint;
  readonly pressure: Pressure | undefined;
}

export interface CpuTimes {
  readonly userNs: bigint;
  readonly systemNs: bigint;
  /** Of the CFS quota: how many periods there were, in how many the quota ran out, and for how long it kept them. */
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: bigint;
}

export interface MemoryUsage {
  readonly usageBytes: number;
  /** The cgroup's own; undefined: none. */
  readonly limitBytes: number | undefined;
  /** Usage without what the kernel would give up first: inactive file pages. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly cacheBytes: number;
  readonly mappedFileBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly pressure: Pressure | undefined;
  /** Undefined where the kernel does not account swap. */
  readonly swap: SwapUsage | undefined;
}

export interface SwapUsage {
  readonly usageBytes: number;
  /** What the cgroup may have in swap; undefined: no limit. */
  readonly limitBytes: number | undefined;
}

export interface MemoryEvents {
  /** Undefined on kernels that do not keep it (cgroup v2 before 5.19). */
  readonly maxUsageBytes: number | undefined;
  readonly kernelBytes: number;
  /** How often the limit was hit. */
  readonly limitHits: number;
  readonly oomKills: number;
}

export interface Tasks {
  /** Threads, as the pids controller counts. */
  readonly count: number;
  /** Undefined: no limit. */
  readonly limit: number | undefined;
}

export interface DeviceIo {
  readonly major: number;
  readonly minor: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly reads: number;
  readonly writes: number;
}

export interface HugePages {
  /** As cgroup files name it: `2MB`. */
  readonly pageSize: string;
  readonly usageBytes: number;
  /** Undefined on cgroup v2, which does not keep it. */
  readonly maxUsageBytes: number | undefined;
}

/**
 * Reads one cgroup's files; `path` is its folder below the hierarchies, as `CgroupLocation.path`.
 * Synchronous: each takes some ten microseconds. Undefined: the cgroup is gone, or its controller is not there.
 */
export interface CgroupReader {
  cpu(path: string): CpuUsage | undefined;
  cpuTimes(path: string): CpuTimes | undefined;
  memory(path: string): MemoryUsage | undefined;
  memoryEvents(path: string): MemoryEvents | undefined;
  tasks(path: string): Tasks | undefined;
  io(path: string): readonly DeviceIo[];
  ioPressure(path: string): Pressure | undefined;
  hugePages(path: string, sizes: readonly string[]): readonly HugePages[];
  /** The processes in the cgroup and in those below it. */
  processes(path: string): readonly number[];
}
