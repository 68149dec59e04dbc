import { type ContainerRecord, stateOf } from '../containers/record.ts';
import type { ContainerFilter, ListContainersRequest, StreamContainersRequest } from '../spec/cri/api_pb.js';
import { containerState, encodeContainers } from './container-view.ts';
import type { Daemon } from './daemon.ts';
import { matchesLabels } from './selectors.ts';

export const listContainers = async (daemon: Daemon, request: ListContainersRequest) =>
  encodeContainers(selectContainers(daemon, request.filter));

/** The same list in messages of bounded size. */
export async function* streamContainers(daemon: Daemon, request: StreamContainersRequest) {
  yield* encodeContainers.inMessages(selectContainers(daemon, request.filter));
}

const selectContainers = (
  { containers }: Daemon,
  filter: ContainerFilter | undefined,
): readonly ContainerRecord[] =>
  containers.list().filter((record) => stateOf(record) !== 'making' && matches(record, filter));

const matches = (record: ContainerRecord, filter: ContainerFilter | undefined): boolean =>
  filter === undefined ||
  (record.id.startsWith(filter.id) &&
    record.podId.startsWith(filter.podSandboxId) &&
    (filter.state === undefined || filter.state.state === containerState(record)) &&
    matchesLabels(record.config.labels, filter.labelSelector));
