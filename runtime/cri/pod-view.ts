import type { MessageInitShape } from '@bufbuild/protobuf';
import { podIps } from '../network/pod-ips.ts';
import { type PodRecord, stateOf } from '../pods/record.ts';
import { PodSandboxSchema, PodSandboxState, type PodSandboxStatusSchema } from '../spec/cri/api_pb.js';
import { createListEncoder } from './encoded-list.ts';

export const podState = (record: PodRecord): PodSandboxState =>
  stateOf(record) === 'ready' ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;

const facts = (record: PodRecord) => ({
  id: record.id,
  metadata: record.config.metadata,
  state: podState(record),
  createdAt: record.createdAtNs,
  labels: record.config.labels,
  annotations: record.config.annotations,
  runtimeHandler: record.runtimeHandler,
});

export const encodePods = createListEncoder(PodSandboxSchema, facts);

export const podStatus = (record: PodRecord): MessageInitShape<typeof PodSandboxStatusSchema> => {
  const [ip = '', ...others] = record.network === null ? [] : podIps(record.network);
  return {
    ...facts(record),
    network: { ip, additionalIps: others.map((other) => ({ ip: other })) },
    linux: { namespaces: { options: record.config.linux?.securityContext?.namespaceOptions } },
  };
};
