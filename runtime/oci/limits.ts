import { Fail } from '../core/fail.ts';
import type { LinuxContainerResources } from '../spec/cri/api_pb.js';
import type { OciResources } from '../spec/oci/runtime.ts';
import type { HostFacts } from './input.ts';

type Limits = Omit<OciResources, 'devices'>;

/**
 * CRI's LinuxContainerResources in OCI's form, for config.json and for `update`. A zero of CRI means "not set".
 * What this host's cgroups cannot do and costs no safety (swap accounting, zero limits of huge pages) is left out;
 * what the request relies on fails `InvalidArgument`.
 */
export const cgroupLimits = (
  asked: LinuxContainerResources | undefined,
  pidsLimit: number,
  host: Pick<HostFacts, 'cgroups' | 'swapAccounting' | 'hugePageSizes'>,
): Limits => {
  const pids = pidsLimit > 0 ? { pids: { limit: pidsLimit } } : {};
  if (asked === undefined) return pids;
  return {
    ...section('cpu', cpu(asked)),
    ...section('memory', memory(asked, host.swapAccounting)),
    ...pids,
    ...hugePages(asked, host.hugePageSizes),
    ...unified(asked, host),
  };
};

/**
 * The limits as an OCI runtime's `update` takes them. On cgroup v2 the kernel would kill what exceeds a lower limit of
 * memory at once: the runtime is told to look before. Not for the others: runc refuses a limit that is wholly used, which
 * that of a container with page cache is most of the time, and an update that moves it to other CPUs names it again.
 */
export const changeOfLimits = (former: Limits, { memory, hugepageLimits: _, ...others }: Limits): Limits => {
  if (memory === undefined) return others;
  const lower = memoryLimit(memory) < memoryLimit(former.memory);
  return { ...others, memory: { ...memory, ...(lower ? { checkBeforeUpdate: true } : {}) } };
};

/** -1 is "no limit". */
const memoryLimit = ({ limit = -1 }: NonNullable<Limits['memory']> = {}): number =>
  limit === -1 ? Number.POSITIVE_INFINITY : limit;

const section = <K extends string, V extends object>(key: K, value: V): { [key in K]?: V } =>
  Object.keys(value).length === 0 ? {} : ({ [key]: value } as { [key in K]?: V });

const cpu = (asked: LinuxContainerResources) => ({
  ...set('shares', within('cpu_shares', asked.cpuShares, 0n)),
  ...set('quota', asked.cpuQuota === -1n ? -1 : within('cpu_quota', asked.cpuQuota, CPU_SLICE.shortest)),
  ...set('period', within('cpu_period', asked.cpuPeriod, CPU_SLICE.shortest, CPU_SLICE.longest)),
  ...set('cpus', cpuList('cpuset_cpus', asked.cpusetCpus)),
  ...set('mems', cpuList('cpuset_mems', asked.cpusetMems)),
});

/** Without a swap limit of its own, a container with a memory limit gets no swap, as Kubernetes has it. */
const memory = (asked: LinuxContainerResources, swapAccounting: boolean) => {
  const limit = count('memory_limit_in_bytes', asked.memoryLimitInBytes);
  const swap = swapLimit(asked, limit);
  return { ...set('limit', limit), ...(swapAccounting ? set('swap', swap) : {}) };
};

/** The kernel counts memory and swap together and refuses less for both than for memory alone. */
const swapLimit = (asked: LinuxContainerResources, memoryLimit: number | undefined): number | undefined => {
  const field = 'memory_swap_limit_in_bytes';
  const both = count(field, asked.memorySwapLimitInBytes) ?? memoryLimit;
  const least = memoryLimit === undefined || memoryLimit === -1 ? Infinity : memoryLimit;
  if (both === undefined || both === -1 || both >= least) return both;
  const memory = least === Infinity ? 'not limited' : `limited to ${least}`;
  throw new Fail(
    'InvalidArgument',
    `linux.resources.${field} ${both} is less than that of memory, which is ${memory}`,
    { hint: 'it is a limit of memory and swap together; -1 is none' },
  );
};

const set = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });

/** Of the kernel, in microseconds: Documentation/scheduler/sched-bwc.rst. */
const CPU_SLICE = { shortest: 1000n, longest: 1_000_000n };

const within = (
  field: string,
  value: bigint,
  least: bigint,
  most = BigInt(Number.MAX_SAFE_INTEGER),
): number | undefined => {
  if (value === 0n) return undefined;
  if (value >= least && value <= most) return Number(value);
  throw new Fail('InvalidArgument', `linux.resources.${field} ${value} is out of range`, {
    hint: `it may be from ${least} to ${most}`,
  });
};

/** -1 is "no limit". */
const count = (field: string, value: bigint): number | undefined => {
  if (value === 0n) return undefined;
  if (value >= -1n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new Fail('InvalidArgument', `linux.resources.${field} ${value} is out of range`);
};

/** cpuset(7), "List format". */
const cpuList = (field: string, text: string): string | undefined => {
  if (text === '') return undefined;
  if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return text;
  throw new Fail(
    'InvalidArgument',
    `linux.resources.${field} ${JSON.stringify(text)} is not a list such as 0-3,7`,
  );
};

/** The kubelet names every page size of its own with limit 0; a size that the kernel has not is no limit then. */
const hugePages = (
  asked: LinuxContainerResources,
  sizes: readonly string[],
): Pick<Limits, 'hugepageLimits'> => {
  const known = asked.hugepageLimits.filter(({ pageSize, limit }) => {
    if (sizes.includes(pageSize)) return true;
    if (limit === 0n) return false;
    throw new Fail(
      'InvalidArgument',
      `linux.resources.hugepage_limits: this host has no pages of ${JSON.stringify(pageSize)}`,
      {
        hint: sizes.length === 0 ? 'the hugetlb controller is not mounted' : `it has ${sizes.join(', ')}`,
      },
    );
  });
  if (known.length === 0) return {};
  return {
    hugepageLimits: known.map(({ pageSize, limit }) => ({
      pageSize,
      limit: limit > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(limit),
    })),
  };
};

const unified = (
  asked: LinuxContainerResources,
  { cgroups }: Pick<HostFacts, 'cgroups'>,
): Pick<Limits, 'unified'> => {
  const entries = Object.entries(asked.unified);
  if (entries.length === 0) return {};
  if (cgroups.mode !== 'v2') {
    throw new Fail('InvalidArgument', 'linux.resources.unified needs cgroup v2', {
      hint: `this host has ${cgroups.mode} cgroups`,
    });
  }
  for (const [file, value] of entries) requireUnified(file, value);
  return { unified: Object.fromEntries(entries) };
};

/** The key becomes a file name in the cgroup. */
const requireUnified = (file: string, value: string): void => {
  if (
    /^[a-z][a-z0-9_]*(\.[a-zA-Z0-9_]+)+$/.test(file) &&
    !file.startsWith('cgroup.') &&
    !value.includes('\0')
  )
    return;
  throw new Fail(
    'InvalidArgument',
    `linux.resources.unified: ${JSON.stringify(file)} is not a controller's file`,
  );
};
