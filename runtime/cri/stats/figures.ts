import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CgroupUsage } from '../../resources/usage/collect.ts';
import type { InterfaceUsage } from '../../resources/usage/interfaces.ts';
import type { Pressure, Stall, SwapUsage } from '../../resources/usage/usage.ts';
import type {
  CpuUsageSchema,
  IoUsageSchema,
  MemoryUsageSchema,
  NetworkInterfaceUsageSchema,
  PsiStatsSchema,
  SwapUsageSchema,
} from '../../spec/cri/api_pb.js';

/** CRI's wrapped number; a figure that is not known is not told. */
export const figure = (value: number | bigint | undefined): { value: bigint } | undefined =>
  value === undefined ? undefined : { value: BigInt(value) };

export const cpuView = ({
  atNs,
  cpu,
  cpuRate,
}: CgroupUsage): MessageInitShape<typeof CpuUsageSchema> | undefined =>
  cpu === undefined
    ? undefined
    : {
        timestamp: atNs,
        usageCoreNanoSeconds: figure(cpu.usageNs),
        usageNanoCores: figure(cpuRate),
        psi: pressureView(cpu.pressure),
      };

export const memoryView = ({
  atNs,
  memory,
}: CgroupUsage): MessageInitShape<typeof MemoryUsageSchema> | undefined =>
  memory === undefined
    ? undefined
    : {
        timestamp: atNs,
        workingSetBytes: figure(memory.workingSetBytes),
        availableBytes: figure(left(memory.limitBytes, memory.workingSetBytes)),
        usageBytes: figure(memory.usageBytes),
        rssBytes: figure(memory.rssBytes),
        pageFaults: figure(memory.pageFaults),
        majorPageFaults: figure(memory.majorPageFaults),
        psi: pressureView(memory.pressure),
      };

export const swapView = (
  atNs: bigint,
  swap: SwapUsage | undefined,
): MessageInitShape<typeof SwapUsageSchema> | undefined =>
  swap === undefined
    ? undefined
    : {
        timestamp: atNs,
        swapAvailableBytes: figure(left(swap.limitBytes, swap.usageBytes)),
        swapUsageBytes: figure(swap.usageBytes),
      };

export const ioView = ({
  atNs,
  ioPressure,
}: CgroupUsage): MessageInitShape<typeof IoUsageSchema> | undefined =>
  ioPressure === undefined ? undefined : { timestamp: atNs, psi: pressureView(ioPressure) };

export const interfaceView = ({
  name,
  received,
  sent,
}: InterfaceUsage): MessageInitShape<typeof NetworkInterfaceUsageSchema> => ({
  name,
  rxBytes: figure(received.bytes),
  rxErrors: figure(received.errors),
  txBytes: figure(sent.bytes),
  txErrors: figure(sent.errors),
});

/** Without a limit nobody can say how much is left. */
const left = (limit: number | undefined, used: number): number | undefined =>
  limit === undefined ? undefined : Math.max(limit - used, 0);

const pressureView = (pressure: Pressure | undefined): MessageInitShape<typeof PsiStatsSchema> | undefined =>
  pressure === undefined ? undefined : { Some: stallView(pressure.some), Full: stallView(pressure.full) };

const stallView = (stall: Stall | undefined) =>
  stall === undefined
    ? undefined
    : { Total: stall.totalNs, Avg10: stall.avg10, Avg60: stall.avg60, Avg300: stall.avg300 };
