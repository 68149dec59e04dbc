import { type PodRecord, stateOf } from '../pods/record.ts';
import type {
  ListPodSandboxStatsRequest,
  PodSandboxStatsFilter,
  StreamPodSandboxStatsRequest,
} from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { matchesLabels } from './selectors.ts';
import { encodePodStats } from './stats/pod-view.ts';

export const listPodSandboxStats = async (daemon: Daemon, { filter }: ListPodSandboxStatsRequest) =>
  encodePodStats(await daemon.stats.pods(select(daemon, filter)));

/** The same list in messages of bounded size. */
export async function* streamPodSandboxStats(daemon: Daemon, { filter }: StreamPodSandboxStatsRequest) {
  const pods = select(daemon, filter);
  for (let from = 0; from < pods.length; from += PODS_PER_MESSAGE)
    yield encodePodStats(await daemon.stats.pods(pods.slice(from, from + PODS_PER_MESSAGE)));
}

const PODS_PER_MESSAGE = 100;

/** A pod that is not ready uses nothing any more. */
const select = ({ pods }: Daemon, filter: PodSandboxStatsFilter | undefined): readonly PodRecord[] =>
  pods.list().filter((record) => stateOf(record) === 'ready' && matches(record, filter));

const matches = (record: PodRecord, filter: PodSandboxStatsFilter | undefined): boolean =>
  filter === undefined ||
  (record.id.startsWith(filter.id) && matchesLabels(record.config.labels, filter.labelSelector));
