import { bandwidthOf } from '../network/bandwidth.ts';
import type { PodNetwork, PortMapping } from '../network/pod-network.ts';
import { type PodSandboxConfig, Protocol } from '../spec/cri/api_pb.js';

/** The pod as CNI plugins see it. */
export const podNetwork = (id: string, config: PodSandboxConfig, netns: string): PodNetwork => {
  const bandwidth = bandwidthOf(config.annotations);
  return {
    id,
    name: config.metadata?.name ?? '',
    namespace: config.metadata?.namespace ?? '',
    uid: config.metadata?.uid ?? '',
    netns,
    portMappings: config.portMappings.map(({ protocol, containerPort, hostPort, hostIp }) => ({
      protocol: PROTOCOL[protocol],
      containerPort,
      hostPort,
      hostIp,
    })),
    ...(config.dnsConfig === undefined
      ? {}
      : {
          dns: {
            servers: config.dnsConfig.servers,
            searches: config.dnsConfig.searches,
            options: config.dnsConfig.options,
          },
        }),
    ...(bandwidth === undefined ? {} : { bandwidth }),
  };
};

const PROTOCOL: Readonly<Record<Protocol, PortMapping['protocol']>> = {
  [Protocol.TCP]: 'tcp',
  [Protocol.UDP]: 'udp',
  [Protocol.SCTP]: 'sctp',
};
