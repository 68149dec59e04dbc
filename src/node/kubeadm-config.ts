import { stringify } from 'yaml';
import { Secret } from '../core/secret.ts';
import type { KubernetesSpec } from '../profile/profile.ts';
import { criSocket } from './kubernetes.ts';

/*
 * What kubeadm is told, in the documents of its own configuration, kubeadm.k8s.io/v1beta4. It is given as a file that only
 * root can read and that goes when the step is over: tokens are on no command line and in no log.
 */

const apiVersion = 'kubeadm.k8s.io/v1beta4';

/** What a new member needs to trust the cluster, and to be trusted. */
export interface Invitation {
  /** HOST:PORT of the API server. */
  readonly endpoint: string;
  readonly token: Secret;
  readonly caCertHashes: readonly string[];
  /** For control planes: opens the certificates that kubeadm keeps in the cluster for two hours. */
  readonly certificateKey?: Secret | undefined;
}

const registration = ({ kubelet }: KubernetesSpec, taints?: readonly never[]) => ({
  criSocket,
  imagePullPolicy: 'IfNotPresent',
  ...(kubelet.ignorePreflightErrors.length === 0
    ? {}
    : { ignorePreflightErrors: kubelet.ignorePreflightErrors }),
  ...(Object.keys(kubelet.labels).length === 0
    ? {}
    : {
        kubeletExtraArgs: [
          {
            name: 'node-labels',
            value: Object.entries(kubelet.labels)
              .map(([key, value]) => `${key}=${value}`)
              .join(','),
          },
        ],
      }),
  ...(taints === undefined ? {} : { taints }),
});

/** Taken from control planes that everybody's pods may run on: kubeadm taints them unless it is told otherwise. */
const taintsOf = ({ role, init }: KubernetesSpec): readonly never[] | undefined =>
  role === 'control-plane' && init.schedulable ? [] : undefined;

const documents = (...parts: readonly object[]): string => parts.map((part) => stringify(part)).join('---\n');

/** For `kubeadm init`: no secret is in it. */
export function initConfig(spec: KubernetesSpec): string {
  const { init, version } = spec;
  return documents(
    {
      apiVersion,
      kind: 'InitConfiguration',
      // kubeadm makes one in any case; each host that joins is given another.
      bootstrapTokens: [{ ttl: '1m0s' }],
      nodeRegistration: registration(spec, taintsOf(spec)),
      ...(init.skipPhases.length === 0 ? {} : { skipPhases: init.skipPhases }),
    },
    {
      apiVersion,
      kind: 'ClusterConfiguration',
      kubernetesVersion: `v${version}`,
      imageRepository: init.imageRepository,
      ...(init.controlPlaneEndpoint === undefined ? {} : { controlPlaneEndpoint: init.controlPlaneEndpoint }),
      networking: {
        serviceSubnet: init.serviceSubnet,
        dnsDomain: init.dnsDomain,
        ...(init.podSubnet === undefined ? {} : { podSubnet: init.podSubnet }),
      },
      ...(init.certSans.length === 0 ? {} : { apiServer: { certSANs: init.certSans } }),
    },
    { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', cgroupDriver: 'systemd' },
  );
}

/** For `kubeadm join`. */
export function joinConfig(spec: KubernetesSpec, invitation: Invitation): Secret {
  const { endpoint, token, caCertHashes, certificateKey } = invitation;
  const isPlane = spec.role === 'control-plane';
  return Secret.around(
    documents({
      apiVersion,
      kind: 'JoinConfiguration',
      nodeRegistration: registration(spec, taintsOf(spec)),
      discovery: {
        bootstrapToken: { apiServerEndpoint: endpoint, token: token.reveal(), caCertHashes },
      },
      ...(isPlane ? { controlPlane: { certificateKey: certificateKey?.reveal() } } : {}),
    }),
  );
}
