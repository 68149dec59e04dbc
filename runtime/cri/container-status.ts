import { readSpec } from '../containers/bundle.ts';
import { required } from '../containers/collection.ts';
import { type ContainerRecord, stateOf } from '../containers/record.ts';
import type { ContainerStatusRequest } from '../spec/cri/api_pb.js';
import { containerStatus as view } from './container-view.ts';
import type { Daemon } from './daemon.ts';
import { requestedId } from './requests.ts';

export const containerStatus = async (daemon: Daemon, request: ContainerStatusRequest) => {
  const record = seenContainer(daemon, request.containerId);
  return {
    status: view(record),
    info: request.verbose ? { info: JSON.stringify(await verboseInfo(daemon, record)) } : {},
  };
};

/** A container that CRI may see: one that is still being made is not there yet. */
export const seenContainer = (daemon: Daemon, idOrPrefix: string): ContainerRecord => {
  const id = requestedId('container_id', idOrPrefix);
  const record = required(daemon.containers.find(id), 'container', id);
  return required(stateOf(record) === 'making' ? undefined : record, 'container', idOrPrefix);
};

/** The names are those that `crictl inspect` users know from other runtimes. */
const verboseInfo = async (daemon: Daemon, record: ContainerRecord) => ({
  sandboxID: record.podId,
  pid: stateOf(record) === 'exited' ? 0 : (record.pid ?? 0),
  privileged: record.config.linux?.securityContext?.privileged ?? false,
  runtime: record.runtime,
  runtimeSpec: await readSpec(daemon.roots, record.id),
});
