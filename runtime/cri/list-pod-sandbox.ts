import { type PodRecord, stateOf } from '../pods/record.ts';
import type {
  ListPodSandboxRequest,
  PodSandboxFilter,
  StreamPodSandboxesRequest,
} from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { encodePods, podState } from './pod-view.ts';
import { matchesLabels } from './selectors.ts';

export const listPodSandbox = async (daemon: Daemon, request: ListPodSandboxRequest) =>
  encodePods(selectPods(daemon, request.filter));

/** The same list in messages of bounded size. */
export async function* streamPodSandboxes(daemon: Daemon, request: StreamPodSandboxesRequest) {
  yield* encodePods.inMessages(selectPods(daemon, request.filter));
}

const selectPods = ({ pods }: Daemon, filter: PodSandboxFilter | undefined): readonly PodRecord[] =>
  pods.list().filter((record) => stateOf(record) !== 'making' && matches(record, filter));

const matches = (record: PodRecord, filter: PodSandboxFilter | undefined): boolean =>
  filter === undefined ||
  (record.id.startsWith(filter.id) &&
    (filter.state === undefined || filter.state.state === podState(record)) &&
    matchesLabels(record.config.labels, filter.labelSelector));
