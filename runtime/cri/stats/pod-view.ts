import type { MessageInitShape } from '@bufbuild/protobuf';
import { PodSandboxStatsSchema } from '../../spec/cri/api_pb.js';
import { createListEncoder } from '../encoded-list.ts';
import { containerStats } from './container-view.ts';
import { cpuView, figure, interfaceView, ioView, memoryView } from './figures.ts';
import type { SeenPod } from './seen.ts';

export const podStats = ({
  record,
  usage,
  tasks,
  network,
  containers,
}: SeenPod): MessageInitShape<typeof PodSandboxStatsSchema> => ({
  attributes: {
    id: record.id,
    metadata: record.config.metadata,
    labels: record.config.labels,
    annotations: record.config.annotations,
  },
  linux: {
    cpu: cpuView(usage),
    memory: memoryView(usage),
    io: ioView(usage),
    network:
      network === undefined
        ? undefined
        : {
            timestamp: usage.atNs,
            defaultInterface: network.main === undefined ? undefined : interfaceView(network.main),
            interfaces: network.others.map(interfaceView),
          },
    process: tasks === undefined ? undefined : { timestamp: usage.atNs, processCount: figure(tasks) },
    containers: containers.map(containerStats),
  },
});

export const encodePodStats = createListEncoder(PodSandboxStatsSchema, podStats);
