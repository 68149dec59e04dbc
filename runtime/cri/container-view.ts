import type { MessageInitShape } from '@bufbuild/protobuf';
import { type ContainerRecord, stateOf } from '../containers/record.ts';
import { criSignal } from '../containers/signals.ts';
import { ContainerSchema, ContainerState, type ContainerStatusSchema } from '../spec/cri/api_pb.js';
import { createListEncoder } from './encoded-list.ts';

const STATE = {
  making: ContainerState.CONTAINER_UNKNOWN,
  created: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_EXITED,
} as const;

export const containerState = (record: ContainerRecord): ContainerState => STATE[stateOf(record)];

export const container = (record: ContainerRecord): MessageInitShape<typeof ContainerSchema> => ({
  id: record.id,
  podSandboxId: record.podId,
  metadata: record.config.metadata,
  image: imageSpec(record),
  imageRef: record.imageId,
  imageId: record.imageId,
  state: containerState(record),
  createdAt: record.createdAtNs ?? record.requestedAtNs,
  labels: record.config.labels,
  annotations: record.config.annotations,
});

export const encodeContainers = createListEncoder(ContainerSchema, container);

export const containerStatus = (record: ContainerRecord): MessageInitShape<typeof ContainerStatusSchema> => ({
  id: record.id,
  metadata: record.config.metadata,
  state: containerState(record),
  createdAt: record.createdAtNs ?? record.requestedAtNs,
  startedAt: record.startedAtNs ?? 0n,
  finishedAt: BigInt(record.exit?.finishedAtNs ?? 0),
  exitCode: record.exit?.exitCode ?? 0,
  image: imageSpec(record),
  imageRef: record.imageId,
  imageId: record.imageId,
  reason: reasonOf(record),
  message: record.failure ?? '',
  labels: record.config.labels,
  annotations: record.config.annotations,
  mounts: mountsOf(record),
  logPath: record.logPath ?? '',
  resources: { linux: record.config.linux?.resources },
  user: {
    linux: {
      uid: BigInt(record.user.uid),
      gid: BigInt(record.user.gid),
      supplementalGroups: record.user.additionalGids.map(BigInt),
    },
  },
  stopSignal: criSignal(record.stopSignal),
});

/** As they were asked for, and which image each of those that are images is. */
const mountsOf = ({ config, imageVolumes = [] }: ContainerRecord) => {
  const imageRefs = imageVolumes.values();
  return config.mounts.map((mount) =>
    mount.image === undefined
      ? mount
      : { ...mount, image: { ...mount.image, imageRef: imageRefs.next().value ?? '' } },
  );
};

const imageSpec = ({ config: { image }, imageName }: ContainerRecord) => ({
  image: imageName,
  annotations: image?.annotations ?? {},
  userSpecifiedImage: image?.userSpecifiedImage ?? '',
  runtimeHandler: image?.runtimeHandler ?? '',
});

/** The words that the kubelet shows: `Completed` and `Error` are what other runtimes say too. */
const reasonOf = (record: ContainerRecord): string => {
  if (record.failure !== null) return 'StartError';
  if (record.exit === null) return '';
  if (record.exit.reason !== 'Exited') return record.exit.reason;
  return record.exit.exitCode === 0 ? 'Completed' : 'Error';
};
