import { readSpec } from '../containers/bundle.ts';
import { required } from '../containers/collection.ts';
import { type ContainerRecord, stateOf } from '../containers/record.ts';
import { type ContainerStatusRequest, ContainerStatusSchema } from '../spec/cri/api_pb.js';
import { containerStatus as view } from './container-view.ts';
import type { Daemon } from './daemon.ts';
import { createPieceEncoder } from './encoded-list.ts';
import { requestedId } from './requests.ts';
import { Encoded } from './transport.ts';

export const containerStatus = async (daemon: Daemon, request: ContainerStatusRequest) => {
  const record = seenContainer(daemon, request.containerId);
  if (!request.verbose) return new Encoded(encodedStatus(record));
  return { status: view(record), info: { info: JSON.stringify(verboseInfo(daemon, record)) } };
};

/** Field 1 of ContainerStatusResponse. */
const encodedStatus = createPieceEncoder(1, ContainerStatusSchema, view);

/** A container that CRI may see: one that is still being made is not there yet. */
export const seenContainer = (daemon: Daemon, idOrPrefix: string): ContainerRecord => {
  const id = requestedId('container_id', idOrPrefix);
  const record = required(daemon.containers.find(id), 'container', id);
  return required(stateOf(record) === 'making' ? undefined : record, 'container', idOrPrefix);
};

/** The names are those that `crictl inspect` users know from other runtimes. */
const verboseInfo = (daemon: Daemon, record: ContainerRecord) => ({
  sandboxID: record.podId,
  pid: stateOf(record) === 'exited' ? 0 : (record.pid ?? 0),
  privileged: record.config.linux?.securityContext?.privileged ?? false,
  runtime: record.runtime,
  runtimeSpec: readSpec(daemon.roots, record.id),
});
