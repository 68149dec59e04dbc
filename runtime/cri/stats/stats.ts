import type { Config } from '../../config/config.ts';
import { type ContainerRecord, isAlive } from '../../containers/record.ts';
import { realtimeNs } from '../../linux/clock.ts';
import { INTERFACE } from '../../network/arguments.ts';
import type { PodContext } from '../../pods/context.ts';
import { type PodRecord, usesHostNetwork } from '../../pods/record.ts';
import { createUsage } from '../../resources/usage/collect.ts';
import { interfacesIn } from '../../resources/usage/interfaces.ts';
import { createShelf } from '../../resources/usage/shelf.ts';
import { createTimeSlice } from '../../resources/usage/time-slice.ts';
import type { CgroupReader } from '../../resources/usage/usage.ts';
import { cgroupOfContainer, measured, ownCgroups } from './cgroups.ts';
import type { PodTraffic, SeenContainer, SeenPod } from './seen.ts';
import { sumOf } from './sum.ts';

/** What pods and containers use. What was read within the collection period is told again, as the same object. */
export interface Stats {
  container(record: ContainerRecord): Promise<SeenContainer>;
  containers(records: readonly ContainerRecord[]): Promise<readonly SeenContainer[]>;
  pod(record: PodRecord): Promise<SeenPod>;
  pods(records: readonly PodRecord[]): Promise<readonly SeenPod[]>;
}

export interface StatsOptions {
  readonly context: Pick<PodContext, 'pods' | 'containers' | 'roots' | 'log'>;
  readonly config: Pick<Config, 'cgroupManager' | 'root' | 'stats'>;
  readonly reader: CgroupReader;
}

/** No exec waits longer for a poll than this. */
const SLICE_MS = 4;
/** The kubelet asks every ten seconds. */
const LAYER_PERIOD_MS = 10_000;
/** How long a whole answer waits for layers that nobody has looked at yet. */
const LAYER_PATIENCE_MS = 1000;

const patience = (): number => performance.now() + LAYER_PATIENCE_MS;

export const createStats = ({ context, config, reader }: StatsOptions): Stats => {
  const periodMs = config.stats.collectionPeriodSeconds * 1000;
  const usage = createUsage({
    reader,
    layerPeriodMs: Math.max(periodMs, LAYER_PERIOD_MS),
    onError: (id, error) => context.log.warn('cannot measure a writable layer', { container: id, error }),
  });
  const seenContainers = createShelf<SeenContainer>(periodMs);
  const seenPods = createShelf<SeenPod>(periodMs);

  const container = async (record: ContainerRecord, untilMs: number): Promise<SeenContainer> => {
    const kept = seenContainers.get(record.id);
    if (kept?.record === record) return kept;
    const now = await usage.container(measured(context, record), untilMs);
    return seenContainers.put(record.id, { record, usage: now, mountpoint: config.root });
  };

  /** What all pods of one answer have in common. */
  const survey = () => ({
    alive: Map.groupBy(context.containers.list().filter(isAlive), ({ podId }) => podId),
    own: ownCgroups(context, config.cgroupManager),
    untilMs: patience(),
  });

  const pod = async (
    record: PodRecord,
    { alive, own, untilMs }: ReturnType<typeof survey>,
  ): Promise<SeenPod> => {
    const kept = seenPods.get(record.id);
    if (kept?.record === record) return kept;
    const members = alive.get(record.id) ?? [];
    const containers = await each(members, (one) => container(one, untilMs));
    const cgroup = own.get(record.id);
    const cgroups = cgroup === undefined ? members.map((one) => cgroupOfContainer(context, one)) : [cgroup];
    const sum = (): SeenPod['usage'] =>
      sumOf(containers, realtimeNs(), (usageNs, atNs) => usage.rate(record.id, usageNs, atNs));
    return seenPods.put(record.id, {
      record,
      usage: cgroup === undefined ? sum() : usage.cgroup(record.id, cgroup),
      tasks: tasksIn(reader, cgroups),
      network: trafficOf(record),
      containers,
    });
  };

  const forgetTheGone = (): void => {
    const ids = new Set([...context.containers.list(), ...context.pods.list()].map(({ id }) => id));
    for (const memory of [usage, seenContainers, seenPods]) memory.retain(ids);
  };
  return {
    container: (record) => container(record, patience()),
    pod: (record) => pod(record, survey()),
    containers: (records) => {
      forgetTheGone();
      const untilMs = patience();
      return each(records, (record) => container(record, untilMs));
    },
    pods: (records) => {
      forgetTheGone();
      const surveyed = survey();
      return each(records, (record) => pod(record, surveyed));
    },
  };
};

const each = async <Record, Seen>(
  records: readonly Record[],
  look: (record: Record) => Promise<Seen>,
): Promise<readonly Seen[]> => {
  const slice = createTimeSlice(SLICE_MS);
  const seen: Seen[] = [];
  for (const record of records) {
    seen.push(await look(record));
    await slice.rest();
  }
  return seen;
};

const tasksIn = (reader: CgroupReader, cgroups: readonly string[]): number | undefined => {
  const counts = cgroups.map((path) => reader.tasks(path)?.count).filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
};

const trafficOf = ({ config, namespaces }: PodRecord): PodTraffic | undefined => {
  if (usesHostNetwork(config) || namespaces.network === undefined) return undefined;
  const interfaces = interfacesIn(namespaces.network);
  const main = interfaces.find(({ name }) => name === INTERFACE) ?? interfaces[0];
  return { main, others: interfaces.filter((one) => one !== main) };
};
