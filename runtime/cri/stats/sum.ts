import type { CgroupUsage } from '../../resources/usage/collect.ts';
import type { MemoryUsage } from '../../resources/usage/usage.ts';
import type { SeenContainer } from './seen.ts';

/** What a pod without a cgroup of its own uses: the sum of its containers. Pressure and limits cannot be added up. */
export const sumOf = (
  containers: readonly SeenContainer[],
  atNs: bigint,
  rate: (usageNs: bigint, atNs: bigint) => bigint | undefined,
): CgroupUsage => {
  const usageNs = containers.reduce((sum, { usage }) => sum + (usage.cpu?.usageNs ?? 0n), 0n);
  const memories = containers.map(({ usage }) => usage.memory).filter((memory) => memory !== undefined);
  return {
    atNs,
    cpu: { usageNs, pressure: undefined },
    cpuRate: rate(usageNs, atNs),
    memory: sumOfMemory(memories),
    ioPressure: undefined,
  };
};

const sumOfMemory = (memories: readonly MemoryUsage[]): MemoryUsage => {
  const sum = (of: (memory: MemoryUsage) => number): number =>
    memories.reduce((total, memory) => total + of(memory), 0);
  return {
    usageBytes: sum(({ usageBytes }) => usageBytes),
    limitBytes: undefined,
    workingSetBytes: sum(({ workingSetBytes }) => workingSetBytes),
    rssBytes: sum(({ rssBytes }) => rssBytes),
    cacheBytes: sum(({ cacheBytes }) => cacheBytes),
    mappedFileBytes: sum(({ mappedFileBytes }) => mappedFileBytes),
    pageFaults: sum(({ pageFaults }) => pageFaults),
    majorPageFaults: sum(({ majorPageFaults }) => majorPageFaults),
    pressure: undefined,
    swap: undefined,
  };
};
