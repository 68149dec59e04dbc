import { join } from 'node:path';
import {
  type ImageService,
  MountPropagation,
  NamespaceMode,
  type RuntimeService,
} from '../../runtime/spec/cri/api_pb.js';
import type { Client } from '../../test/harness/cri-client.ts';
import type { ContainerConfig, PodConfig } from '../../test/harness/node.ts';
import { Samples } from './samples.ts';

/** A container runtime that is being measured. */
export interface Peer {
  readonly name: string;
  readonly folder: string;
  readonly runtime: Client<typeof RuntimeService>;
  readonly images: Client<typeof ImageService>;
  readonly cgroupParent: string;
  readonly samples: Samples;
  /** Its own processes at this moment: daemons, shims, monitors; none that runs in a container. */
  processes(): readonly number[];
}

export const newPeer = (peer: Omit<Peer, 'samples'>): Peer => ({ ...peer, samples: new Samples() });

/** Of every container its own, as the kubelet asks for it. */
const ownPids = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } };

/** A pod as the kubelet asks for one. */
export const podConfig = (peer: Peer, name: string): PodConfig => ({
  metadata: { name, namespace: 'bench', uid: `${peer.name}-${name}`, attempt: 0 },
  hostname: name,
  logDirectory: join(peer.folder, 'logs', name),
  dnsConfig: {
    servers: ['10.96.0.10'],
    searches: ['bench.svc.cluster.local', 'svc.cluster.local'],
    options: [],
  },
  labels: {
    app: name,
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': 'bench',
    'io.kubernetes.pod.uid': `${peer.name}-${name}`,
  },
  annotations: {
    'kubernetes.io/config.seen': '2026-11-25T12:00:00.000000000Z',
    'kubernetes.io/config.source': 'api',
  },
  linux: { cgroupParent: peer.cgroupParent, ...ownPids },
});

/** Its container, with the environment of a service and the mounts of a service account. */
export const containerConfig = (image: string): ContainerConfig => ({
  metadata: { name: 'c', attempt: 0 },
  image: { image },
  logPath: 'c/0.log',
  envs: ['HOST', 'PORT', 'PORT_443_TCP', 'PORT_443_TCP_ADDR', 'PORT_443_TCP_PORT', 'PORT_443_TCP_PROTO'].map(
    (key) => ({ key: `KUBERNETES_SERVICE_${key}`, value: Buffer.from('10.96.0.1') }),
  ),
  mounts: [
    {
      containerPath: '/usr/share/doc',
      hostPath: '/usr/share/doc',
      readonly: true,
      propagation: MountPropagation.PROPAGATION_PRIVATE,
    },
  ],
  labels: { 'io.kubernetes.container.name': 'c', 'io.kubernetes.pod.name': 'bench' },
  annotations: { 'io.kubernetes.container.hash': '8f2c1d3e', 'io.kubernetes.container.restartCount': '0' },
  linux: {
    ...ownPids,
    resources: {
      cpuShares: 102n,
      cpuPeriod: 100_000n,
      memoryLimitInBytes: 64n * 2n ** 20n,
      oomScoreAdj: 1000n,
    },
  },
});
