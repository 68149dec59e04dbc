import type { Config } from '../../config/config.ts';
import type { ContainerRecord } from '../../containers/record.ts';
import { type FileSystemUsage, fileSystemOf } from '../../linux/file-system.ts';
import type { HostFacts } from '../../oci/input.ts';
import type { PodContext } from '../../pods/context.ts';
import type { PodRecord } from '../../pods/record.ts';
import { openFilesLimit, takeCensus } from '../../resources/usage/census.ts';
import { createPaced } from '../../resources/usage/paced.ts';
import { createTimeSlice } from '../../resources/usage/time-slice.ts';
import type { CgroupReader } from '../../resources/usage/usage.ts';
import { cgroupOfContainer } from '../stats/cgroups.ts';
import type { SeenContainer, SeenPod } from '../stats/seen.ts';
import type { Stats } from '../stats/stats.ts';
import { containerSamples } from './container-samples.ts';
import { encodePodMetrics } from './encode.ts';
import { podSamples } from './pod-samples.ts';

/** The metrics of pods in protobuf's wire format. */
export interface Metrics {
  /** Pieces of a list answer, one a pod. */
  pods(records: readonly PodRecord[]): Promise<readonly Uint8Array[]>;
}

export interface MetricsOptions {
  readonly context: Pick<PodContext, 'pods' | 'containers' | 'log'>;
  readonly config: Pick<Config, 'root' | 'stats'>;
  readonly host: Pick<HostFacts, 'hugePageSizes'>;
  readonly reader: CgroupReader;
  readonly stats: Stats;
}

const SLICE_MS = 4;
/** Descriptors are counted one by one; Prometheus asks every fifteen seconds or less often. */
const CENSUS_PERIOD_MS = 10_000;
/** How long a whole answer waits for containers that nobody has counted in yet. */
const CENSUS_PATIENCE_MS = 1000;

/** What all pods of one answer share. */
interface Answer {
  readonly fileSystem: FileSystemUsage;
  readonly untilMs: number;
}

export const createMetrics = ({ context, config, host, reader, stats }: MetricsOptions): Metrics => {
  const { includedPodMetrics: groups, collectionPeriodSeconds } = config.stats;
  const eventsMatter = groups.includes('memory') || groups.includes('oom');
  const censuses = createPaced({
    periodMs: Math.max(collectionPeriodSeconds * 1000, CENSUS_PERIOD_MS),
    measure: (cgroup: string) => takeCensus(reader.processes(cgroup)),
    onError: (id, error) =>
      context.log.warn('cannot count the open files of a container', { container: id, error }),
  });
  /** What has been encoded of a sighting is sent again with it. */
  const encoded = new WeakMap<SeenPod, Uint8Array>();

  const containerFacts = async ({ record, usage }: SeenContainer, { fileSystem, untilMs }: Answer) => {
    const cgroup = cgroupOfContainer(context, record);
    const counts = groups.includes('process');
    return {
      record,
      usage,
      cgroup,
      reader,
      memoryEvents: eventsMatter ? reader.memoryEvents(cgroup) : undefined,
      hugePageSizes: host.hugePageSizes,
      census: counts ? await censuses.of(record.id, cgroup, untilMs) : undefined,
      openFiles: counts && record.pid !== null ? openFilesLimit(record.pid) : undefined,
      fileSystem,
    };
  };

  const pod = async (seen: SeenPod, answer: Answer): Promise<Uint8Array> => {
    const kept = encoded.get(seen);
    if (kept !== undefined) return kept;
    const facts = await Promise.all(seen.containers.map((one) => containerFacts(one, answer)));
    const bytes = encodePodMetrics({
      podId: seen.record.id,
      base: baseOf(seen.record),
      samples: podSamples(seen, groups),
      containers: facts.map((one) => ({
        id: one.record.id,
        base: baseOf(seen.record, one.record),
        samples: containerSamples(one, groups),
      })),
      atNs: collectionPeriodSeconds === 0 ? 0n : seen.usage.atNs,
    });
    encoded.set(seen, bytes);
    return bytes;
  };

  return {
    pods: async (records) => {
      censuses.retain(new Set(context.containers.list().map(({ id }) => id)));
      const slice = createTimeSlice(SLICE_MS);
      const pieces: Uint8Array[] = [];
      const seenPods = await stats.pods(records);
      const answer = {
        fileSystem: fileSystemOf(config.root),
        untilMs: performance.now() + CENSUS_PATIENCE_MS,
      };
      for (const seen of seenPods) {
        pieces.push(await pod(seen, answer));
        await slice.rest();
      }
      return pieces;
    },
  };
};

/** Values of BASE_LABELS. */
const baseOf = ({ id, config: { metadata } }: PodRecord, container?: ContainerRecord): readonly string[] => [
  container?.id ?? id,
  container?.imageName ?? '',
  metadata?.namespace ?? '',
  metadata?.name ?? '',
  container?.config.metadata?.name ?? '',
];
