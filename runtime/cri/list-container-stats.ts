import { type ContainerRecord, isAlive } from '../containers/record.ts';
import type {
  ContainerStatsFilter,
  ListContainerStatsRequest,
  StreamContainerStatsRequest,
} from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { matchesLabels } from './selectors.ts';
import { encodeContainerStats } from './stats/container-view.ts';

export const listContainerStats = async (daemon: Daemon, { filter }: ListContainerStatsRequest) =>
  encodeContainerStats(await daemon.stats.containers(select(daemon, filter)));

/** The same list in messages of bounded size. */
export async function* streamContainerStats(daemon: Daemon, { filter }: StreamContainerStatsRequest) {
  const containers = select(daemon, filter);
  for (let from = 0; from < containers.length; from += CONTAINERS_PER_MESSAGE)
    yield encodeContainerStats(
      await daemon.stats.containers(containers.slice(from, from + CONTAINERS_PER_MESSAGE)),
    );
}

const CONTAINERS_PER_MESSAGE = 100;

const select = (
  { containers }: Daemon,
  filter: ContainerStatsFilter | undefined,
): readonly ContainerRecord[] =>
  containers.list().filter((record) => isAlive(record) && matches(record, filter));

const matches = (record: ContainerRecord, filter: ContainerStatsFilter | undefined): boolean =>
  filter === undefined ||
  (record.id.startsWith(filter.id) &&
    record.podId.startsWith(filter.podSandboxId) &&
    matchesLabels(record.config.labels, filter.labelSelector));
