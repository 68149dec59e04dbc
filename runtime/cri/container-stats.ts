import type { ContainerStatsRequest } from '../spec/cri/api_pb.js';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import { containerStats as view } from './stats/container-view.ts';

export const containerStats = async (daemon: Daemon, { containerId }: ContainerStatsRequest) => ({
  stats: view(await daemon.stats.container(seenContainer(daemon, containerId))),
});
