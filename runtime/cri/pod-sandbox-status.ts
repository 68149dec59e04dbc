import { create, toBinary, toJson } from '@bufbuild/protobuf';
import { required } from '../containers/collection.ts';
import { stateOf as containerStateOf } from '../containers/record.ts';
import { realtimeNs } from '../linux/clock.ts';
import { type PodRecord, stateOf } from '../pods/record.ts';
import { containersOf } from '../pods/stop.ts';
import {
  ContainerStatusSchema,
  type LinuxContainerResources,
  LinuxContainerResourcesSchema,
  type PodSandboxStatusRequest,
  PodSandboxStatusResponseSchema,
  PodSandboxStatusSchema,
} from '../spec/cri/api_pb.js';
import { containerStatus } from './container-view.ts';
import type { Daemon } from './daemon.ts';
import { createPieceEncoder } from './encoded-list.ts';
import { podStatus } from './pod-view.ts';
import { requestedId } from './requests.ts';
import { Encoded } from './transport.ts';

export const podSandboxStatus = async (daemon: Daemon, request: PodSandboxStatusRequest) => {
  const record = seenPod(daemon, request.podSandboxId);
  const containers = containersOf(daemon, record).filter((one) => containerStateOf(one) !== 'making');
  const pieces = [encodedStatus(record), ...containers.map(encodedContainerStatus)];
  return new Encoded(Buffer.concat([...pieces, restOf(request.verbose ? verboseInfo(record) : undefined)]));
};

/** Fields 1 and 3 of PodSandboxStatusResponse. */
const encodedStatus = createPieceEncoder(1, PodSandboxStatusSchema, podStatus);
const encodedContainerStatus = createPieceEncoder(3, ContainerStatusSchema, containerStatus);

/** The other fields: they are different each time. */
const restOf = (info: unknown): Uint8Array =>
  toBinary(
    PodSandboxStatusResponseSchema,
    create(PodSandboxStatusResponseSchema, {
      info: info === undefined ? {} : { info: JSON.stringify(info) },
      timestamp: realtimeNs(),
    }),
  );

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
