import { Secret } from '../core/secret.ts';
import { stagingFolder } from '../host/script/state.ts';
import type { KubernetesSpec } from '../profile/profile.ts';
import type { Change, Content, Step } from '../resources/change.ts';
import { unifiedDiff } from '../resources/diff.ts';
import { type Invitation, initConfig, joinConfig } from './kubeadm-config.ts';
import { membershipOrigin } from './leave-cluster.ts';

/** Both are read by root alone, and gone when the step is over, however it ends. */
const config = `${stagingFolder}/kubeadm.yaml`;
const masks = `${stagingFolder}/kubeadm.sed`;

/** Images are pulled, and a control plane has to come up. */
const deadlineSeconds = 1200;

/**
 * The host keeps what its commands print: secrets that kubeadm repeats are masked before that. The last line is what people
 * see first: instead of kubeadm's advice to its developers, the checks that its preflight failed in.
 */
const script = String.raw`PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/opt/berth/bin
export PATH
masks=$1
shift
exec 4>&1
status=$({ { kubeadm "$@" 2>&1; echo $? >&3; } | sed -f "$masks" -e '/\[ERROR /H' -e '
$ { /^To see the stack trace of this error/!p; x; s/\n[[:space:]]*/; /g; s/^; //; /./!d; }' >&4; } 3>&1)
exit "$status"`;

const stage = (path: string, content: Content): Step => ({ kind: 'stage', path, content });

const kubeadm = (
  verb: 'init' | 'join',
  content: Content,
  secrets: readonly Secret[],
  options: readonly string[] = [],
): readonly Step[] => [
  stage(config, content),
  stage(masks, { kind: 'secret', text: masking(secrets) }),
  {
    kind: 'run',
    argv: ['sh', '-c', script, 'sh', masks, verb, '--config', config, ...options],
    deadlineSeconds,
    hints: { 1: hint, 2: hint, 3: hint },
  },
];

const hint =
  'A check of the preflight that may fail is named in spec.kubernetes.kubelet.ignorePreflightErrors; what a kubelet lacks is in journalctl -u kubelet -n 50 on the host. Then run the same command again.';

/** For sed(1). Tokens and keys of kubeadm are letters, digits and dots. */
const masking = (secrets: readonly Secret[]): Secret =>
  Secret.around(
    secrets.map((secret) => `s/${secret.reveal().replaceAll('.', String.raw`\.`)}/***/g\n`).join(''),
  );

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
    steps: kubeadm(
      'init',
      { kind: 'text', text },
      [],
      ['--skip-token-print', '--skip-certificate-key-print'],
    ),
  };
};

/** The host joins a cluster. Without an invitation it is a plan: the token is made when it is needed. */
export const joinChange = (spec: KubernetesSpec, invitation?: Invitation): Change => {
  const as = spec.role === 'control-plane' ? 'a control plane' : 'a worker';
  return {
    id: 'kubeadm:join',
    action: 'create',
    summary: `join the cluster as ${as} with kubeadm join, Kubernetes ${spec.version}`,
    tag: 'kubernetes',
    origins: [membershipOrigin],
    steps: invitation === undefined ? [] : joinSteps(spec, invitation),
  };
};

const joinSteps = (spec: KubernetesSpec, invitation: Invitation): readonly Step[] => {
  const { token, certificateKey } = invitation;
  const secrets = [token, ...(certificateKey === undefined ? [] : [certificateKey])];
  return kubeadm('join', { kind: 'secret', text: joinConfig(spec, invitation) }, secrets);
};
