import { create } from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';
import { type LinuxContainerResources, LinuxContainerResourcesSchema } from '../spec/cri/api_pb.js';
import type { OciResources } from '../spec/oci/runtime.ts';
import type { LinuxResources } from '../spec/ttrpc/nri/api_pb.js';

export type Limits = Omit<OciResources, 'devices'>;

/** What of a plugin's limits CRI has a name for: they are checked, noted and told as those of a request. */
export const criLimits = ({
  memory,
  cpu,
  hugepageLimits,
  unified,
}: LinuxResources): LinuxContainerResources =>
  create(LinuxContainerResourcesSchema, {
    memoryLimitInBytes: memory?.limit?.value ?? 0n,
    memorySwapLimitInBytes: memory?.swap?.value ?? 0n,
    cpuShares: signed('cpu.shares', cpu?.shares?.value),
    cpuQuota: cpu?.quota?.value ?? 0n,
    cpuPeriod: signed('cpu.period', cpu?.period?.value),
    cpusetCpus: cpu?.cpus ?? '',
    cpusetMems: cpu?.mems ?? '',
    hugepageLimits: hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limit })),
    unified,
  });

const signed = (field: string, value = 0n): bigint => {
  if (value < 2n ** 63n) return value;
  throw new Fail('InvalidArgument', `an NRI plugin asks for ${field} ${value}, which is out of range`);
};

/** What of a plugin's limits CRI has no name for. */
export const furtherLimits = ({ memory, cpu, pids }: LinuxResources): Limits => {
  const more = {
    memory: {
      ...count('reservation', memory?.reservation?.value),
      ...count('kernel', memory?.kernel?.value),
      ...count('kernelTCP', memory?.kernelTcp?.value),
      ...count('swappiness', memory?.swappiness?.value),
      ...(memory?.disableOomKiller === undefined ? {} : { disableOOMKiller: memory.disableOomKiller.value }),
      ...(memory?.useHierarchy === undefined ? {} : { useHierarchy: memory.useHierarchy.value }),
    },
    cpu: {
      ...count('realtimeRuntime', cpu?.realtimeRuntime?.value),
      ...count('realtimePeriod', cpu?.realtimePeriod?.value),
    },
  };
  return {
    ...(Object.keys(more.memory).length === 0 ? {} : { memory: more.memory }),
    ...(Object.keys(more.cpu).length === 0 ? {} : { cpu: more.cpu }),
    ...(pids === undefined ? {} : { pids: { limit: Number(pids.limit) } }),
  };
};

const count = <K extends string>(name: K, value: bigint | undefined): { [key in K]?: number } =>
  value === undefined ? {} : ({ [name]: Number(value) } as { [key in K]?: number });

/** Both together; the second wins where both have a word. */
export const joinLimits = <T extends Limits>(limits: T, more: Limits): T => ({
  ...limits,
  ...more,
  ...joined('memory', limits.memory, more.memory),
  ...joined('cpu', limits.cpu, more.cpu),
  ...joined('unified', limits.unified, more.unified),
});

const joined = <K extends string>(name: K, one: object | undefined, other: object | undefined) =>
  one === undefined && other === undefined ? {} : { [name]: { ...one, ...other } };
