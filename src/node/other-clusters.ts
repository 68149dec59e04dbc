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

/** minikube asks the host for CRI-O by the names of its program and of its drop-in: berthd answers to its socket and unit. */
const prepareForMinikube: readonly string[] = [
  '# Once, on the host, as root: minikube looks for the program and for a drop-in of CRI-O.',
  String.raw`command -v crio > /dev/null || { printf '#!/bin/sh\necho crio version 1.37.0\n' > /usr/local/bin/crio && chmod 755 /usr/local/bin/crio; }`,
  "[ -e /etc/crio/crio.conf.d/02-crio.conf ] || printf '[crio.image]\\n[crio.runtime]\\n' > /etc/crio/crio.conf.d/02-crio.conf",
];

/** `minikube start` for a host: on the host itself, or over SSH from elsewhere. */
export function minikubeStart(
  { kubernetes }: Spec,
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
    prepare: prepareForMinikube,
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
