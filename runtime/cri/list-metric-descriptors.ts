import type { ListMetricDescriptorsRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { BASE_LABELS, metricsOf } from './metrics/descriptors.ts';

/** They stay the same for as long as this daemon runs, as CRI demands. */
export const listMetricDescriptors = async ({ config }: Daemon, _request: ListMetricDescriptorsRequest) => ({
  descriptors: metricsOf(config.stats.includedPodMetrics).map(({ name, help, labels }) => ({
    name,
    help,
    labelKeys: [...BASE_LABELS, ...labels],
  })),
});
