import semver from 'semver';
import { KUBERNETES_VERSION } from '../../artifacts/kubernetes-pins.ts';
import { type ArtifactName, artifactSpecs } from '../../artifacts/pins.ts';
import { crictlFits } from '../../profile/cluster-checks.ts';

/** The newest version of a program that this berth knows by checksum; undefined: it knows none. */
export const newestPinned = (name: ArtifactName): string | undefined =>
  Object.keys(artifactSpecs[name].pins).toSorted(semver.rcompare)[0];

/** Of `1.36` or `1.36.2`, with or without a v: the whole version; undefined when it is none. */
export const kubernetesVersion = (text: string): string | undefined => {
  const [, minor, patch] = /^v?1\.(\d{1,3})(?:\.(\d{1,3}))?$/.exec(text.trim()) ?? [];
  return minor === undefined ? undefined : `1.${minor}.${patch ?? 0}`;
};

/** From this minor version on there is a crictl, with the patch level 0, for each of Kubernetes. */
const oldestCrictl = 11;

/**
 * The crictl for a Kubernetes version: one that is pinned, else the newest of those that are listed. Where nothing is listed,
 * the first of the same minor version, if that is one that has been. Undefined: none is known.
 */
export const crictlFor = (kubernetes: string, listed: readonly string[]): string | undefined => {
  const pinned = Object.keys(artifactSpecs.crictl.pins).toSorted(semver.rcompare);
  const known =
    pinned.find((version) => crictlFits(version, kubernetes)) ??
    listed.find((version) => minorOf(version) === minorOf(kubernetes)) ??
    listed.find((version) => crictlFits(version, kubernetes));
  const [newest] = pinned;
  if (known !== undefined || listed.length > 0 || newest === undefined) return known;
  const minor = semver.minor(kubernetes);
  return minor >= oldestCrictl && minor <= semver.minor(newest) ? `1.${minor}.0` : undefined;
};

/** `1.36` of a whole version. */
export const minorOf = (version: string): string => `${semver.major(version)}.${semver.minor(version)}`;

/** CRI-O has the minor versions of Kubernetes, and goes with the same one. `crio` may be a minor version alone. */
export const crioFits = (crio: string, kubernetes: string): boolean =>
  crio.split('.').slice(0, 2).join('.') === minorOf(kubernetes);

/** The newest Kubernetes that this berth knows by checksum. */
export const newestKubernetes = (): string => newestPinned('kubelet') ?? KUBERNETES_VERSION;
