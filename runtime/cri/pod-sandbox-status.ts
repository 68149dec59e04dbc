import { toJson } from '@bufbuild/protobuf';
import { required } from '../containers/collection.ts';
import { stateOf as containerStateOf } from '../containers/record.ts';
import { realtimeNs } from '../linux/clock.ts';
import { type PodRecord, stateOf } from '../pods/record.ts';
import { containersOf } from '../pods/stop.ts';
import {
  type LinuxContainerResources,
  LinuxContainerResourcesSchema,
  type PodSandboxStatusRequest,
} from '../spec/cri/api_pb.js';
import { containerStatus } from './container-view.ts';
import type { Daemon } from './daemon.ts';
import { podStatus } from './pod-view.ts';
import { requestedId } from './requests.ts';

export const podSandboxStatus = async (daemon: Daemon, request: PodSandboxStatusRequest) => {
  const record = seenPod(daemon, request.podSandboxId);
  return {
    status: podStatus(record),
    info: request.verbose ? { info: JSON.stringify(verboseInfo(record)) } : {},
    containersStatuses: containersOf(daemon, record)
      .filter((one) => containerStateOf(one) !== 'making')
      .map(containerStatus),
    timestamp: realtimeNs(),
  };
};

/** A pod that CRI may see: one that is still being made is not there yet. */
export const seenPod = (daemon: Daemon, idOrPrefix: string): PodRecord => {
  const id = requestedId('pod_sandbox_id', idOrPrefix);
  const record = required(daemon.pods.find(id), 'pod', id);
  return required(stateOf(record) === 'making' ? undefined : record, 'pod', idOrPrefix);
};

const verboseInfo = (record: PodRecord) => ({
  state: stateOf(record),
  namespaces: record.namespaces,
  cniResult: record.network,
  overhead: resources(record.config.linux?.overhead),
  resources: resources(record.config.linux?.resources),
});

/** What the pod as a whole has, as UpdatePodSandboxResources last said. */
const resources = (of: LinuxContainerResources | undefined) =>
  of === undefined ? undefined : toJson(LinuxContainerResourcesSchema, of);
