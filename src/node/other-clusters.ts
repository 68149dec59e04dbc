import type { Spec } from '../profile/profile.ts';
import { criSocket } from './kubernetes.ts';

/* What other makers of clusters are told so that they use the runtime of a node. Pure. */

/** How a host is reached; without an address it is this machine. */
interface Reached {
  readonly address?: string;
  readonly port?: number;
  readonly user?: string;
}

const socketPath = criSocket.replace('unix://', '');

/**
 * minikube asks the host for CRI-O by its names: a program that tells its version and its configuration, a drop-in that it
 * edits, the folder of plugins. berthd has the socket and the unit; the rest is a few lines.
 */
const prepareForMinikube: readonly string[] = [
  '# Once, on the host, as root: what minikube looks for where it is told that the runtime is CRI-O.',
  String.raw`printf '#!/bin/sh\n[ "$1" != --version ] || { echo "crio version 1.37.0"; exit; }\nexec berthd "$@"\n' > /usr/local/bin/crio`,
  'chmod 755 /usr/local/bin/crio',
  'touch /etc/crio/crio.conf.d/02-crio.conf',
  'mkdir -p /opt/cni/bin',
];

/** `minikube start` for a host: on the host itself, or over SSH from elsewhere. */
export function minikubeStart(
  { kubernetes, engine }: Spec,
  { address, port, user }: Reached,
): { readonly prepare: readonly string[]; readonly argv: readonly string[] } {
  const way =
    address === undefined
      ? ['--driver=none']
      : [
          '--driver=ssh',
          `--ssh-ip-address=${address}`,
          ...(user === undefined ? [] : [`--ssh-user=${user}`]),
          ...(port === undefined ? [] : [`--ssh-port=${port}`]),
        ];
  return {
    prepare: engine.name === 'berth' ? prepareForMinikube : [],
    argv: [
      'minikube',
      'start',
      ...way,
      '--container-runtime=cri-o',
      `--cri-socket=${socketPath}`,
      // The engine names its own network, which stays the one that pods get.
      '--cni=bridge',
      '--extra-config=kubelet.cgroup-driver=systemd',
      ...(kubernetes === undefined ? [] : [`--kubernetes-version=v${kubernetes.version}`]),
    ],
  };
}

/** The environment of hack/local-up-cluster.sh in Kubernetes' source. */
export const localUpEnvironment = ({ swap, kubernetes }: Spec): Readonly<Record<string, string>> => ({
  CONTAINER_RUNTIME_ENDPOINT: criSocket,
  IMAGE_SERVICE_ENDPOINT: criSocket,
  CGROUP_DRIVER: 'systemd',
  CNI_CONFIG_DIR: '/etc/cni/net.d',
  // Images are pulled within one request.
  RUNTIME_REQUEST_TIMEOUT: '10m',
  FAIL_SWAP_ON: String(swap === 'off'),
  ...(kubernetes === undefined ? {} : { KUBELET_FLAGS: `--max-pods=${kubernetes.kubelet.maxPods}` }),
});
