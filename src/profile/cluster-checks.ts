import semver from 'semver';
import { KUBERNETES_VERSION } from '../artifacts/kubernetes-pins.ts';
import { CRICTL_VERSION } from '../artifacts/pins.ts';
import { finding, inside, isMapping, list, type Mapping, mapping, type Path } from './as-written.ts';
import { overlaps, parseCidr } from './cidr.ts';
import type { Finding } from './finding.ts';

/*
 * Rules for the hosts that are one cluster, and for what spec.kubernetes says beside the rest of a spec. They look at
 * values as they were written: what does not have the right shape is passed over, and reported where it stands.
 */

/** kube-apiserver accepts kubelets so many minor versions older: the version skew policy of Kubernetes, from 1.28 on. */
export const oldestKubelet = 3;

/** Minor versions; crictl is tested with its own one and its neighbours. */
const crictlMayDiffer = 1;

/** Programs of one age understand each other. What is no version fits: it is told as that elsewhere. */
export const crictlFits = (crictl: string, kubernetes: string): boolean => {
  const [one, other] = [semver.parse(crictl), semver.parse(kubernetes)];
  if (one === null || other === null) return true;
  return one.major === other.major && Math.abs(one.minor - other.minor) <= crictlMayDiffer;
};

interface Member {
  readonly name: string;
  readonly index: number;
  readonly role: 'control-plane' | 'worker';
  readonly version: semver.SemVer;
  readonly kubernetes: Mapping;
}

const memberOf = (host: unknown, index: number): Member[] => {
  const kubernetes = inside(host, 'spec', 'kubernetes');
  if (!isMapping(kubernetes)) return [];
  const { role } = kubernetes;
  const version = semver.parse(String(kubernetes['version'] ?? KUBERNETES_VERSION));
  if ((role !== 'control-plane' && role !== 'worker') || version === null) return [];
  return [{ name: String(inside(host, 'name')), index, role, version, kubernetes }];
};

/** The hosts of a document, with everything that is said of them, that are one cluster. */
export const clusterRules = (document: unknown): Finding[] => {
  const hosts = inside(document, 'hosts');
  const members = Array.isArray(hosts) ? hosts.flatMap(memberOf) : [];
  const planes = members.filter(({ role }) => role === 'control-plane');
  return [
    ...members.flatMap((member) => withoutCluster(member, planes)),
    ...withoutEndpoint(planes),
    ...members.flatMap((member) => tooFarApart(member, planes)),
    ...sharedRanges(hosts, members),
    ...planes.flatMap((plane) => serviceRange(hosts, plane, members)),
  ];
};

const pathOf = ({ index }: Member, ...keys: string[]): Path => [
  'hosts',
  index,
  'spec',
  'kubernetes',
  ...keys,
];

const joinsAnother = ({ kubernetes }: Member): boolean => isMapping(kubernetes['join']);

const withoutCluster = (member: Member, planes: readonly Member[]): Finding[] =>
  member.role === 'control-plane' || joinsAnother(member) || planes.some((plane) => !joinsAnother(plane))
    ? []
    : [
        finding(
          pathOf(member, 'role'),
          `${member.name} is a worker, and no host of the profile makes its cluster: give one the role control-plane, or say which cluster to join in spec.kubernetes.join`,
        ),
      ];

/** Nodes that know the address of one control plane alone are lost with it. */
const withoutEndpoint = (planes: readonly Member[]): Finding[] => {
  const [first, second] = planes.filter((plane) => !joinsAnother(plane));
  if (first === undefined || second === undefined) return [];
  if (inside(first.kubernetes, 'init', 'controlPlaneEndpoint') !== undefined) return [];
  return [
    finding(
      pathOf(first, 'role'),
      `${first.name} and ${second.name} are control planes of one cluster: spec.kubernetes.init.controlPlaneEndpoint must name what stands for both`,
    ),
  ];
};

const tooFarApart = (member: Member, planes: readonly Member[]): Finding[] => {
  const [first] = planes;
  if (first === undefined || member === first) return [];
  const apart = first.version.minor - member.version.minor;
  const [here, there] = [
    `${member.name} has Kubernetes ${member.version}`,
    `${first.name}, the control plane, ${first.version}`,
  ];
  const at = pathOf(member, 'version');
  if (member.role === 'control-plane' && Math.abs(apart) > 1)
    return [finding(at, `${here}, and ${there}: control planes are at most one minor version apart`)];
  if (member.role === 'worker' && apart < 0)
    return [finding(at, `${here}, and ${there}: no kubelet may be newer than its API server`)];
  if (apart > oldestKubelet)
    return [
      finding(
        at,
        `${here}, and ${there}: a kubelet is at most ${oldestKubelet} minor versions older than its API server`,
      ),
    ];
  return [];
};

/** Who manages pod addresses for all hosts divides them too: a host has none then. */
const ownRanges = (host: unknown): string[] => {
  if (inside(host, 'spec', 'cni', 'provider') === 'other') return [];
  const networks = inside(host, 'spec', 'cni', 'networks');
  const subnets = Array.isArray(networks)
    ? networks.flatMap((network): unknown => inside(network, 'subnets'))
    : ['10.88.0.0/16'];
  return subnets.filter((subnet) => typeof subnet === 'string');
};

/** Two hosts that give pods addresses of one range give two pods one address. */
const sharedRanges = (hosts: unknown, members: readonly Member[]): Finding[] => {
  if (!Array.isArray(hosts)) return [];
  const taken: { readonly name: string; readonly subnet: string }[] = [];
  return members.flatMap((member) => {
    const clash = ownRanges(hosts[member.index]).flatMap((subnet) => {
      const other = taken.find((earlier) => clashes(earlier.subnet, subnet));
      return other === undefined ? [] : [{ subnet, other }];
    })[0];
    taken.push(...ownRanges(hosts[member.index]).map((subnet) => ({ name: member.name, subnet })));
    if (clash === undefined) return [];
    const { other, subnet } = clash;
    return [
      finding(
        pathOf(member, 'role'),
        `${member.name} and ${other.name} are in one cluster, and both give pods addresses of ${subnet}: name a range for each in the spec.cni.networks of the host`,
      ),
    ];
  });
};

/** kubeadm's own, where nobody says another. */
const usualServices = '10.96.0.0/12';

/** An address that is a pod's and a service's leads to one of them. */
const serviceRange = (hosts: unknown, plane: Member, members: readonly Member[]): Finding[] => {
  if (joinsAnother(plane)) return [];
  const { serviceSubnet = usualServices, podSubnet } = mapping(plane.kubernetes, 'init');
  const pods = [
    ...(podSubnet === undefined ? [] : [{ whose: 'pods', subnet: String(podSubnet) }]),
    ...members.flatMap(({ name, index }) =>
      ownRanges(list(hosts)[index]).map((subnet) => ({ whose: `pods of ${name}`, subnet })),
    ),
  ];
  const clash = pods.find(({ subnet }) => clashes(String(serviceSubnet), subnet));
  if (clash === undefined) return [];
  return [
    finding(
      pathOf(plane, 'init', 'serviceSubnet'),
      `services get addresses of ${serviceSubnet} and ${clash.whose} of ${clash.subnet}: the two overlap, and one of them needs another range`,
    ),
  ];
};

const clashes = (one: string, other: string): boolean => {
  const [first, second] = [parseCidr(one), parseCidr(other)];
  return first !== undefined && second !== undefined && overlaps(first, second);
};

/** One host, or the profile where all of them are alike. */
export const kubernetesRules = (profile: unknown): Finding[] => {
  const kubernetes = inside(profile, 'spec', 'kubernetes');
  if (!isMapping(kubernetes)) return [];
  const path: Path = ['spec', 'kubernetes'];
  const { role, join } = kubernetes;
  return [
    ...(role === 'control-plane' && isMapping(join) && !('certificateKey' in join)
      ? [finding([...path, 'join'], 'a control plane joins with a certificateKey beside the token')]
      : []),
    ...crictlRules(profile, kubernetes['version'] ?? KUBERNETES_VERSION),
  ];
};

const crictlRules = (profile: unknown, version: unknown): Finding[] => {
  const written = inside(profile, 'spec', 'crictl', 'version');
  const kubernetes = semver.parse(String(version));
  const crictl = String(written ?? CRICTL_VERSION);
  if (kubernetes === null || crictlFits(crictl, kubernetes.version)) return [];
  const path: Path =
    written === undefined ? ['spec', 'kubernetes', 'version'] : ['spec', 'crictl', 'version'];
  return [
    finding(
      path,
      `crictl ${crictl} does not fit Kubernetes ${kubernetes}: set spec.crictl.version to 1.${kubernetes.minor}.0`,
    ),
  ];
};
