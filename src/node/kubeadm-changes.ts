import { stagingFolder } from '../host/script/state.ts';
import type { KubernetesSpec } from '../profile/profile.ts';
import type { Change, Content, Step } from '../resources/change.ts';
import { unifiedDiff } from '../resources/diff.ts';
import { type Invitation, initConfig, joinConfig } from './kubeadm-config.ts';
import { membershipOrigin } from './leave-cluster.ts';

/** Read by root alone, and gone when the step is over, however it ends. */
const config = `${stagingFolder}/kubeadm.yaml`;

/** Images are pulled, and a control plane has to come up. */
const deadlineSeconds = 1200;

const kubeadm = (verb: 'init' | 'join', content: Content, options: readonly string[]): readonly Step[] => [
  { kind: 'stage', path: config, content },
  {
    kind: 'run',
    argv: [
      'sh',
      '-c',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/opt/berth/bin; export PATH; exec kubeadm "$@"',
      'sh',
      verb,
      '--config',
      config,
      ...options,
    ],
    deadlineSeconds,
  },
];

/** The host becomes the first control plane of a new cluster. What it is told is shown as a diff. */
export const initChange = (spec: KubernetesSpec): Change => {
  const text = initConfig(spec);
  return {
    id: 'kubeadm:init',
    action: 'create',
    summary: `make the cluster with kubeadm init, Kubernetes ${spec.version}`,
    tag: 'kubernetes',
    diff: unifiedDiff(config, undefined, text),
    origins: [membershipOrigin],
    steps: kubeadm('init', { kind: 'text', text }, ['--skip-token-print', '--skip-certificate-key-print']),
  };
};

/** The host joins a cluster. Without an invitation it is a plan: the token is made when it is needed. */
export const joinChange = (spec: KubernetesSpec, invitation?: Invitation): Change => {
  const as = spec.role === 'control-plane' ? 'a control plane' : 'a worker';
  const steps =
    invitation === undefined
      ? []
      : kubeadm('join', { kind: 'secret', text: joinConfig(spec, invitation) }, []);
  return {
    id: 'kubeadm:join',
    action: 'create',
    summary: `join the cluster as ${as} with kubeadm join, Kubernetes ${spec.version}`,
    tag: 'kubernetes',
    origins: [membershipOrigin],
    steps,
  };
};
