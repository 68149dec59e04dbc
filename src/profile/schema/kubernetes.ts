import semver from 'semver';
import { z } from 'zod';
import { KUBERNETES_VERSION } from '../../artifacts/kubernetes-pins.ts';
import { secret } from './secrets.ts';
import { cidr, httpAddress, section, text, version } from './values.ts';

/* What makes a host a node of a cluster: the programs of Kubernetes, and its place there. */

/** The first whose kubelet reads a folder of drop-ins by itself and whose kubeadm reads `v1beta4` of its configuration. */
export const oldestKubernetes = 31;

const kubernetesVersion = version.check((context) => {
  const parsed = semver.parse(context.value);
  if (parsed === null || (parsed.major === 1 && parsed.minor >= oldestKubernetes)) return;
  const message = `berth configures Kubernetes from 1.${oldestKubernetes} on, and "${context.value}" is another one`;
  context.issues.push({ code: 'custom', message, input: context.value });
});

const endpoint = text(
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/,
  'is no address with a port such as api.example:6443',
);

const labelKey = text(
  /^(?:[a-z0-9.-]+\/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/,
  'is no name of a label',
);

const kubelet = section(
  {
    maxPods: z
      .int()
      .min(1)
      .max(1000)
      .default(110)
      .meta({ description: 'How many pods the scheduler may give to the host.' }),
    labels: z
      .record(
        labelKey,
        text(/^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/, 'is no value of a label'),
      )
      .default({})
      .meta({
        description: 'Labels that the node has from the time when it becomes a member of the cluster.',
      }),
    ignorePreflightErrors: z
      .array(text(/^[A-Za-z][A-Za-z0-9/_.-]*$/, 'is no name of a preflight check'))
      .default([])
      .meta({
        description: "Checks of kubeadm's preflight that may fail, as in SystemVerification or Swap.",
      }),
  },
  'The kubelet of the host.',
).prefault({});

const init = section(
  {
    controlPlaneEndpoint: endpoint
      .meta({
        description:
          'Name or address, with its port, that stands for all control planes. Without it, that of the first host; with several control planes it is needed.',
      })
      .optional(),
    serviceSubnet: cidr.default('10.96.0.0/12').meta({ description: 'Range for the addresses of services.' }),
    podSubnet: cidr
      .meta({
        description:
          'Range for the addresses of pods of all hosts, where a network of your own divides it among them. Without it each host gives addresses from its own spec.cni.networks.',
      })
      .optional(),
    dnsDomain: text(/^[a-z0-9]+(?:[.-][a-z0-9]+)*$/, 'is no domain')
      .default('cluster.local')
      .meta({ description: 'Domain of the services.' }),
    imageRepository: text(/^[A-Za-z0-9.:[\]/_-]+$/, 'is no prefix of image names')
      .default('registry.k8s.io')
      .meta({ description: 'Where the images of the control plane come from.' }),
    certSans: z
      .array(text(/^[A-Za-z0-9.:*-]+$/, 'is no name or address'))
      .default([])
      .meta({ description: 'Further names and addresses in the certificate of the API server.' }),
    schedulable: z
      .boolean()
      .default(false)
      .meta({ description: 'Pods of everybody may run on control planes too, as on a single node.' }),
    skipPhases: z
      .array(text(/^[a-z][a-z/-]*$/, 'is no phase of kubeadm init'))
      .default([])
      .meta({ description: 'Phases of kubeadm init to leave out, as in addon/kube-proxy.' }),
  },
  'The cluster that the first control plane makes.',
).prefault({});

const join = section(
  {
    endpoint: endpoint.meta({ description: 'Address of the API server, with its port.' }),
    token: secret.meta({ description: 'Where the bootstrap token comes from.' }),
    caCertHashes: z
      .array(text(/^sha256:[0-9a-f]{64}$/, 'is no digest such as kubeadm prints: sha256: and 64 digits'))
      .min(1)
      .meta({ description: "Digests of the public key of the cluster's CA, one of which it must have." }),
    certificateKey: secret
      .meta({
        description: 'For control planes: where the key to the certificates of the others comes from.',
      })
      .optional(),
  },
  'A cluster whose first control plane is no host of this profile.',
).optional();

const drain = section(
  {
    enabled: z.boolean().default(true).meta({
      description:
        'Drain a node of the cluster before its kubelet, its container runtime or an OCI runtime is upgraded, and let pods come back afterwards, also when the upgrade failed. Drain it also before a reset, and have the cluster forget it afterwards, where a control plane of the profile stays. false: both are left to you.',
    }),
    timeoutSeconds: z
      .int()
      .min(1)
      .max(86_400)
      .default(300)
      .meta({ description: 'How long pods have to go. When it is over, nothing is changed on the host.' }),
    deleteEmptyDirData: z.boolean().default(true).meta({
      description:
        'Drain also pods with emptyDir volumes, whose data go with the pod. false: such pods make the drain fail.',
    }),
  },
  'What happens to the pods of a node before it is upgraded or reset.',
).prefault({});

export const kubernetes = section(
  {
    version: kubernetesVersion.default(KUBERNETES_VERSION).meta({
      description: 'Release of kubelet, kubeadm and kubectl: the same for all three.',
    }),
    role: z.enum(['control-plane', 'worker', 'standalone', 'none']).default('none').meta({
      description:
        'control-plane, worker: what berth kubernetes up makes of the host; the first control plane makes the cluster, the others join it. standalone: a kubelet without a cluster, which runs the pods in /etc/kubernetes/manifests. none: the host is prepared, and kubeadm is run by somebody else.',
    }),
    source: z.enum(['artifacts', 'packages']).default('artifacts').meta({
      description:
        'artifacts: the programs of the release, by the ways of spec.artifacts. packages: packages of exactly this version from the repository of its minor, which is added to the host.',
    }),
    repository: httpAddress
      .meta({
        description:
          'With packages: address of a mirror of https://pkgs.k8s.io/core:/stable:, the folder that has one folder for each minor.',
      })
      .optional(),
    keySha256: text(/^[0-9a-f]{64}$/, 'is no sha256: 64 digits of 0-9 and a-f')
      .meta({
        description:
          'With packages: sha256 of the file with the key of the repository. Default: whatever its server sends over TLS.',
      })
      .optional(),
    kubelet,
    init,
    join,
    drain,
  },
  'Makes the host a node of a Kubernetes cluster.',
);
