import type { MetricGroup } from '../../config/config.ts';
import type { InterfaceUsage } from '../../resources/usage/interfaces.ts';
import type { SeenPod } from '../stats/seen.ts';
import { GROUPS } from './descriptors.ts';
import { type Sample, sample } from './sample.ts';

/** Metrics of the pod itself: its network. */
export const podSamples = ({ network }: SeenPod, groups: readonly MetricGroup[]): readonly Sample[] => {
  if (network === undefined || !groups.includes('network')) return [];
  const main = network.main === undefined ? [] : [network.main];
  return [...main, ...network.others].flatMap(interfaceSamples);
};

const interfaceSamples = ({ name, received, sent }: InterfaceUsage): readonly Sample[] => {
  const metric = GROUPS.network;
  return [
    ...sample(metric.container_network_receive_bytes_total, received.bytes, name),
    ...sample(metric.container_network_receive_packets_total, received.packets, name),
    ...sample(metric.container_network_receive_packets_dropped_total, received.dropped, name),
    ...sample(metric.container_network_receive_errors_total, received.errors, name),
    ...sample(metric.container_network_transmit_bytes_total, sent.bytes, name),
    ...sample(metric.container_network_transmit_packets_total, sent.packets, name),
    ...sample(metric.container_network_transmit_packets_dropped_total, sent.dropped, name),
    ...sample(metric.container_network_transmit_errors_total, sent.errors, name),
  ];
};
