import { realtimeNs } from '../../linux/clock.ts';
import { createCpuRates } from './cpu-rate.ts';
import { type FolderSize, folderSize } from './folder-size.ts';
import { createPaced } from './paced.ts';
import type { CgroupReader, CpuUsage, MemoryUsage, Pressure } from './usage.ts';

/** A container as this room sees it. */
export interface Measured {
  readonly id: string;
  /** Folder below the hierarchies, as `CgroupLocation.path`. */
  readonly cgroup: string;
  /** The writable layer. */
  readonly layer: string;
}

/** A cgroup at a moment. What its controllers do not tell, or not any more, is undefined. */
export interface CgroupUsage {
  /** Nanoseconds since the epoch. */
  readonly atNs: bigint;
  readonly cpu: CpuUsage | undefined;
  /** Nanoseconds of CPU time per second; undefined at the first look. */
  readonly cpuRate: bigint | undefined;
  readonly memory: MemoryUsage | undefined;
  readonly ioPressure: Pressure | undefined;
}

export interface ContainerUsage extends CgroupUsage {
  /** Undefined while a first look at a large layer takes its time. */
  readonly layer: LayerUsage | undefined;
}

export interface LayerUsage extends FolderSize {
  /** When it was measured, which is before the rest. Nanoseconds since the epoch. */
  readonly atNs: bigint;
}

export interface Usage {
  /** A first look at a large layer is waited for until `performance.now()` says `untilMs`. */
  container(container: Measured, untilMs: number): Promise<ContainerUsage>;
  /** Of any other cgroup; `id` tells one from another over time. */
  cgroup(id: string, path: string): CgroupUsage;
  /** CPU time per second of a counter that is no cgroup's. */
  rate(id: string, usageNs: bigint, atNs: bigint): bigint | undefined;
  /** Forgets what it knows of all but these. */
  retain(ids: ReadonlySet<string>): void;
}

export interface UsageOptions {
  readonly reader: CgroupReader;
  /** A writable layer is not walked through more often. */
  readonly layerPeriodMs: number;
  readonly onError: (id: string, error: unknown) => void;
}

const measureLayer = async (folder: string): Promise<LayerUsage> => ({
  ...(await folderSize(folder)),
  atNs: realtimeNs(),
});

export const createUsage = ({ reader, layerPeriodMs, onError }: UsageOptions): Usage => {
  const rates = createCpuRates();
  const layers = createPaced({
    periodMs: layerPeriodMs,
    measure: measureLayer,
    onError,
  });
  const cgroup = (id: string, path: string): CgroupUsage => {
    const atNs = realtimeNs();
    const cpu = reader.cpu(path);
    return {
      atNs,
      cpu,
      cpuRate: cpu === undefined ? undefined : rates.next(id, cpu.usageNs, atNs),
      memory: reader.memory(path),
      ioPressure: reader.ioPressure(path),
    };
  };
  return {
    cgroup,
    rate: (id, usageNs, atNs) => rates.next(id, usageNs, atNs),
    container: async ({ id, cgroup: path, layer }, untilMs) => ({
      ...cgroup(id, path),
      layer: await layers.of(id, layer, untilMs),
    }),
    retain: (ids) => {
      rates.retain(ids);
      layers.retain(ids);
    },
  };
};
