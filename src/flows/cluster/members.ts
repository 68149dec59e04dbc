import semver from 'semver';
import { Fail } from '../../core/fail.ts';
import { fileAt } from '../../host/facts/files.ts';
import type { Facts } from '../../host/facts/probe.ts';
import { programsOn } from '../../node/kubernetes.ts';
import { apiServerVersion, isControlPlane, isMember, isNewerMinor } from '../../node/membership.ts';
import { oldestKubelet } from '../../profile/cluster-checks.ts';
import type { HostEntry, KubernetesSpec } from '../../profile/profile.ts';

/** A host that the profile wants in the cluster. */
export interface Member {
  readonly host: HostEntry;
  readonly kubernetes: KubernetesSpec;
}

const isIn = ({ role }: KubernetesSpec): boolean => role === 'control-plane' || role === 'worker';

export const membersOf = (hosts: readonly HostEntry[]): Member[] =>
  hosts.flatMap((host) => {
    const { kubernetes } = host.spec;
    return kubernetes !== undefined && isIn(kubernetes) ? [{ host, kubernetes }] : [];
  });

/** Control planes before workers, each in the order of the profile: nothing is newer than what it talks to. */
export const inOrderOfRoles = (hosts: readonly HostEntry[]): HostEntry[] => {
  const rank = ({ spec }: HostEntry): number =>
    spec.kubernetes !== undefined && isIn(spec.kubernetes) && spec.kubernetes.role === 'worker' ? 1 : 0;
  return hosts.toSorted((one, other) => rank(one) - rank(other));
};

/** What a host is to become, and in which of the rounds. */
export interface Round {
  readonly init: Member | undefined;
  /** One after the other: each joins the etcd of those before it. */
  readonly planes: readonly Member[];
  readonly workers: readonly Member[];
}

/** The host that answers for the cluster: one that does already, or the first that is to. */
export const firstPlane = (
  members: readonly Member[],
  facts: ReadonlyMap<string, Facts>,
): Member | undefined => {
  const planes = members.filter(({ kubernetes }) => kubernetes.role === 'control-plane');
  const answers = planes.find(({ host }) => isControlPlane(factsOf(host, facts)));
  return answers ?? planes.find(({ kubernetes }) => kubernetes.join === undefined);
};

/** What is left to do, given what the hosts are by now. */
export const roundsOf = (members: readonly Member[], facts: ReadonlyMap<string, Facts>): Round => {
  const first = firstPlane(members, facts);
  const left = members.filter(({ host }) => !isMember(factsOf(host, facts)));
  const init = first !== undefined && left.includes(first) ? first : undefined;
  const rest = left.filter((member) => member !== init);
  return {
    init,
    planes: rest.filter(({ kubernetes }) => kubernetes.role === 'control-plane'),
    workers: rest.filter(({ kubernetes }) => kubernetes.role === 'worker'),
  };
};

const factsOf = ({ name }: HostEntry, facts: ReadonlyMap<string, Facts>): Facts => {
  const found = facts.get(name);
  if (found === undefined) throw new Fail('Internal', `${name} was not asked what it is`);
  return found;
};

/**
 * A cluster is made of hosts that berth apply has made ready.
 * @throws Fail `HostMoved`
 */
export function requirePrepared({ host, kubernetes }: Member, facts: Facts): void {
  const path = `${programsOn(kubernetes, facts)}/kubeadm`;
  if (fileAt(facts.files, path).kind === 'file') return;
  throw new Fail('HostMoved', `${host.name}: ${path} is not there`, {
    hint: 'Run berth apply first: it prepares the host.',
  });
}

/**
 * The skew policy of Kubernetes between the running API server and the kubelets of the profile.
 * @throws Fail `Unsupported` for the first host that it forbids
 */
export function requireSkew(hosts: readonly HostEntry[], facts: ReadonlyMap<string, Facts>): void {
  const members = membersOf(hosts).filter(({ host }) => facts.has(host.name));
  const servers = members.flatMap(({ host }) => apiServerVersion(factsOf(host, facts)) ?? []);
  const [oldest, newest] = [servers.toSorted(semver.compare)[0], servers.toSorted(semver.rcompare)[0]];
  if (oldest === undefined || newest === undefined) return;
  for (const { host, kubernetes } of members) {
    const { version } = kubernetes;
    if (isNewerMinor(version, oldest))
      throw new Fail(
        'Unsupported',
        `${host.name}: its kubelet would be ${version}, and the API server is ${oldest}: no kubelet may be newer than its API server`,
        { hint: 'Upgrade the control planes first, with kubeadm upgrade, one minor version at a time.' },
      );
    if (newest.minor - semver.minor(version) > oldestKubelet)
      throw new Fail(
        'Unsupported',
        `${host.name}: its kubelet would be ${version}, and the API server is ${newest}: a kubelet may be at most ${oldestKubelet} minor versions older`,
        { hint: `Set spec.kubernetes.version to 1.${newest.minor - oldestKubelet} or later.` },
      );
  }
}
