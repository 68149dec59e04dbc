import type { Facts } from '../host/facts/probe.ts';
import type { OciRuntime, Spec } from '../profile/profile.ts';
import type { LockedPackages } from '../resources/resource.ts';
import type { Concern } from './concern.ts';
import { daemons } from './engines.ts';
import { proxyVariables } from './proxy.ts';
import { selinuxPackages } from './selinux.ts';
import { timePackages } from './time-sync.ts';

type Need =
  | OciRuntime['name']
  | 'cniPlugins'
  | 'socat'
  | 'iproute'
  | 'iptables'
  | 'conntrack'
  | 'crictl'
  | 'conmon';
type Manager = 'apt' | 'dnf';

/**
 * What the distributions call what a node needs; the second name is for those that do not know the first. Empty: none has
 * it.
 */
const names: Readonly<Record<Manager, Readonly<Record<Need, readonly [string?, string?]>>>> = {
  apt: {
    runc: ['runc'],
    crun: ['crun'],
    runsc: ['runsc'],
    kata: [],
    'bwrap-oci': [],
    cniPlugins: ['containernetworking-plugins'],
    socat: ['socat'],
    iproute: ['iproute2'],
    iptables: ['iptables'],
    conntrack: ['conntrack'],
    crictl: ['cri-tools'],
    conmon: ['conmon'],
  },
  dnf: {
    runc: ['runc'],
    crun: ['crun'],
    // Of gVisor's own repository.
    runsc: ['runsc'],
    kata: ['kata-containers'],
    'bwrap-oci': ['bwrap-oci'],
    // RHEL 10 has no plugins; the repository of Kubernetes has them under the second name.
    cniPlugins: ['containernetworking-plugins', 'kubernetes-cni'],
    socat: ['socat'],
    iproute: ['iproute'],
    // RHEL 8 has no package but iptables, and that one is for nftables.
    iptables: ['iptables-nft', 'iptables'],
    conntrack: ['conntrack-tools'],
    crictl: ['cri-tools'],
    conmon: ['conmon'],
  },
};

/** The package of a runtime; undefined: the family has none. */
export const runtimePackage = (name: OciRuntime['name'], manager: Manager): string | undefined =>
  names[manager][name][0];

/** What the host builds bwrap-oci with, and bubblewrap, which it runs. */
const bwrapNeeds: Readonly<Record<Manager, readonly string[]>> = {
  apt: [
    'bubblewrap',
    'gcc',
    'libc6-dev',
    'make',
    'autoconf',
    'automake',
    'libtool',
    'pkg-config',
    'libjson-glib-dev',
    'libseccomp-dev',
  ],
  dnf: [
    'bubblewrap',
    'gcc',
    'make',
    'autoconf',
    'automake',
    'libtool',
    'pkgconf-pkg-config',
    'json-glib-devel',
    'libseccomp-devel',
  ],
};

const always: readonly Need[] = ['socat', 'iproute', 'iptables', 'conntrack'];

const needsOf = ({ ociRuntimes, cni, crictl, engine }: Spec): Need[] => [
  ...ociRuntimes.flatMap(({ name, source }) => (source === 'package' ? [name] : [])),
  ...(cni.plugins.source === 'package' ? (['cniPlugins'] as const) : []),
  ...always,
  ...(crictl.source === 'package' ? (['crictl'] as const) : []),
  // The other ways of CRI-O bring it.
  ...(engine.name === 'cri-o' && engine.source === 'source' ? (['conmon'] as const) : []),
];

/** CRI-O's own package; Fedora has one for each minor, and had one for all before. */
const enginePackages = ({ engine }: Spec, manager: Manager): readonly [string?, string?] => {
  if (engine.name !== 'cri-o') return [];
  const source = engine.source ?? 'upstream';
  if (source === 'upstream') return ['cri-o'];
  if (source !== 'packages') return [];
  const minor = engine.version?.split('.').slice(0, 2).join('.');
  return manager === 'dnf' && minor !== undefined ? [`cri-o${minor}`, 'cri-o'] : ['cri-o'];
};

const buildNeeds = ({ ociRuntimes }: Spec, manager: Manager): readonly string[] =>
  ociRuntimes.some(({ name, source }) => name === 'bwrap-oci' && source === 'source')
    ? bwrapNeeds[manager]
    : [];

const kubernetesPackages = ({ kubernetes }: Spec): readonly string[] =>
  kubernetes?.source === 'packages' ? ['kubelet', 'kubeadm', 'kubectl'] : [];

/** Repositories have every patch of a minor: the one of the profile is asked for. */
const kubernetesVersions = (spec: Spec): Record<string, string> =>
  Object.fromEntries(kubernetesPackages(spec).map((name) => [name, spec.kubernetes?.version ?? '']));

/** A package of CRI-O in another version than the profile's is exchanged, be it older or newer. */
const engineVersions = (spec: Spec, facts: Facts): Record<string, string> =>
  Object.fromEntries(
    engineNames(spec, facts).flatMap((name) =>
      spec.engine.version === undefined ? [] : [[name, spec.engine.version]],
    ),
  );

const engineNames = (spec: Spec, facts: Facts): string[] =>
  nameOn(facts)(enginePackages(spec, facts.packages.manager ?? 'apt'));

/** What runs the programs of a package, and goes on with the old one until it is started anew. */
const servicesOf = (spec: Spec, facts: Facts): Record<string, string> => ({
  ...Object.fromEntries(engineNames(spec, facts).map((name) => [name, daemons['cri-o']])),
  ...(kubernetesPackages(spec).length > 0 ? { kubelet: 'kubelet.service' } : {}),
});

/** All names that may be meant, each with the one to take where the first is not known. */
const pairsOf = (spec: Spec, manager: Manager): (readonly [string?, string?])[] => [
  enginePackages(spec, manager),
  ...needsOf(spec).map((need) => names[manager][need]),
  ...kubernetesPackages(spec).map((name) => [name] as const),
  ...buildNeeds(spec, manager).map((name) => [name] as const),
];

const firstNames = (spec: Spec, manager: Manager): string[] => [
  ...new Set([...pairsOf(spec, manager).flatMap(([name]) => name ?? []), ...spec.packages.extra]),
];

const otherNames = (spec: Spec): Record<string, string> =>
  Object.fromEntries(
    pairsOf(spec, 'dnf').flatMap(([name, other]) =>
      name === undefined || other === undefined ? [] : [[name, other]],
    ),
  );

/** The name that is installed, or can be; where nothing is known of either, the one that the release is known to have. */
const nameOn =
  ({ packages, system: { os } }: Facts) =>
  ([name, other]: readonly [string?, string?]): string[] => {
    if (name === undefined) return [];
    if (other === undefined) return [name];
    const isThere = (each: string) => packages.packages.get(each)?.state === 'installed';
    const canBe = (each: string) => packages.packages.get(each)?.candidate !== undefined;
    if (isThere(name) || isThere(other)) return [isThere(name) ? name : other];
    if (canBe(name) || canBe(other)) return [canBe(name) ? name : other];
    const release = releaseOfRhel(os) ?? 9;
    const older =
      (name === 'iptables-nft' && release <= 8) || (name === 'containernetworking-plugins' && release >= 10);
    return [older ? other : name];
  };

/** Of RHEL, CentOS Stream and rebuilds, the major release; undefined: another distribution. */
function releaseOfRhel({ id, idLike, versionId }: Facts['system']['os']): number | undefined {
  const isOne = ['rhel', 'centos', 'rocky', 'almalinux', 'ol'].includes(id) || idLike.includes('rhel');
  return isOne ? Number.parseInt(versionId, 10) || undefined : undefined;
}

function hintFor({ packages: { extra }, ociRuntimes }: Spec, { system: { os } }: Facts): string {
  const general =
    'Enable a repository that has it (dnf repolist --all lists them; RHEL must be registered)' +
    (extra.length > 0 ? ', or correct spec.packages.extra.' : '.');
  if ((releaseOfRhel(os) ?? 9) < 10) return general;
  const runtime = ociRuntimes.some(({ name }) => name === 'runc')
    ? 'set spec.ociRuntimes: [{ name: crun }], and '
    : '';
  return `RHEL 10 has neither runc nor CNI plugins: ${runtime}enable a repository with kubernetes-cni (pkgs.k8s.io). Otherwise: ${general}`;
}

/** What other concerns need: package managers do all packages at the price of one. */
const forOthers = (spec: Spec, facts: Facts): readonly string[] => [
  ...timePackages(spec, facts),
  ...selinuxPackages(facts),
];

/** The packages by name that this host should have. */
export const packagesFor = (spec: Spec, facts: Facts): string[] => [
  ...new Set([
    ...pairsOf(spec, facts.packages.manager ?? 'apt').flatMap(nameOn(facts)),
    ...spec.packages.extra,
    ...forOthers(spec, facts),
  ]),
];

export const packages: Concern = {
  asks: (spec) => ({
    packages: {
      apt: firstNames(spec, 'apt'),
      dnf: firstNames(spec, 'dnf'),
      dnfElse: otherNames(spec),
    },
  }),
  resources: ({ spec, facts, secrets, supplies: { packages: locked } }) => {
    const names = packagesFor(spec, facts);
    return {
      resources: [
        {
          kind: 'packages',
          names,
          layer: spec.packages.ostree === 'layer',
          ...(facts.packages.manager === 'dnf' ? { hintWhenUnknown: hintFor(spec, facts) } : {}),
          env: proxyVariables(spec, secrets),
          pinned: { ...engineVersions(spec, facts), ...kubernetesVersions(spec) },
          services: servicesOf(spec, facts),
          ...(locked === undefined ? {} : { locked }),
        },
      ],
      notes: locked === undefined ? [] : otherVersions(names, locked, facts),
    };
  },
};

/** What somebody installed in another version stays: a lock is no reason to take a correction away. */
const otherVersions = (names: readonly string[], locked: LockedPackages, facts: Facts): string[] =>
  names.flatMap((name) => {
    const [now, then] = [facts.packages.packages.get(name), locked.packages[name]];
    if (now?.state !== 'installed' || then === undefined || now.version === then.version) return [];
    return [`${name} ${now.version ?? ''} is installed and stays; berth.lock has ${then.version}`];
  });
