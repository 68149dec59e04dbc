import type { MessageInitShape } from '@bufbuild/protobuf';
import { ContainerStatsSchema } from '../../spec/cri/api_pb.js';
import { createListEncoder } from '../encoded-list.ts';
import { cpuView, figure, ioView, memoryView, swapView } from './figures.ts';
import type { SeenContainer } from './seen.ts';

export const containerStats = ({
  record,
  usage,
  mountpoint,
}: SeenContainer): MessageInitShape<typeof ContainerStatsSchema> => ({
  attributes: {
    id: record.id,
    metadata: record.config.metadata,
    labels: record.config.labels,
    annotations: record.config.annotations,
  },
  cpu: cpuView(usage),
  memory: memoryView(usage),
  swap: swapView(usage.atNs, usage.memory?.swap),
  io: ioView(usage),
  writableLayer:
    usage.layer === undefined
      ? undefined
      : {
          timestamp: usage.layer.atNs,
          fsId: { mountpoint },
          usedBytes: figure(usage.layer.bytes),
          inodesUsed: figure(usage.layer.inodes),
        },
});

export const encodeContainerStats = createListEncoder(ContainerStatsSchema, containerStats);
