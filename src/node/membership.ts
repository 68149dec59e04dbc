import semver from 'semver';
import { Fail } from '../core/fail.ts';
import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { KubernetesSpec } from '../profile/profile.ts';

/* What a host's own files say of its place in a cluster. */

/** The kubelet's way to the API server: kubeadm writes it last of all, on every node. */
const kubeconfig = '/etc/kubernetes/kubelet.conf';
/** The static pod of the API server: control planes alone have it. */
const apiServer = '/etc/kubernetes/manifests/kube-apiserver.yaml';

export const memberFiles: readonly string[] = [kubeconfig, apiServer];

type Known = Pick<Facts, 'files'>;

/** The host is a node of a cluster, or was made one and waits for it. */
export const isMember = ({ files }: Known): boolean => fileAt(files, kubeconfig).kind === 'file';

export const isControlPlane = ({ files }: Known): boolean => fileAt(files, apiServer).kind === 'file';

/** The release of the API server that runs on the host, from the tag of its image; undefined: none that can be told. */
export const apiServerVersion = ({ files }: Known): semver.SemVer | undefined => {
  const file = fileAt(files, apiServer);
  const text = file.kind === 'file' ? (file.text ?? file.sealed?.open()) : undefined;
  const tag = /^[\s-]*image:\s*"?\S*\/kube-apiserver:v?([^"\s@]+)/m.exec(text ?? '')?.[1];
  return semver.parse(tag ?? '') ?? undefined;
};

/**
 * No kubelet may be newer than its API server: the skew policy of Kubernetes. The control plane is upgraded first, by kubeadm.
 * @throws Fail `Unsupported`
 */
export function requireServed({ version }: KubernetesSpec, facts: Known): void {
  const server = apiServerVersion(facts);
  if (server === undefined || !isNewerMinor(version, server)) return;
  throw new Fail(
    'Unsupported',
    `the kubelet would be ${version}, and the API server of this host is ${server}: no kubelet may be newer than its API server`,
    {
      hint: `Upgrade the control plane first, one minor version at a time: kubeadm upgrade apply v${version} with the kubeadm of that release. Then apply again.`,
      context: { kubelet: version, apiServer: server.version },
    },
  );
}

export const isNewerMinor = (version: string, than: semver.SemVer): boolean =>
  semver.major(version) > than.major ||
  (semver.major(version) === than.major && semver.minor(version) > than.minor);
