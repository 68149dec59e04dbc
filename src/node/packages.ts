import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { LockedPackages } from '../resources/resource.ts';
import type { Concern } from './concern.ts';
import { proxyVariables } from './proxy.ts';
import { selinuxPackages } from './selinux.ts';
import { timePackages } from './time-sync.ts';

type Need = 'runc' | 'crun' | 'cniPlugins' | 'socat' | 'iproute' | 'iptables' | 'conntrack';

/** What the distributions call what a node needs; the second name is for those that do not know the first. */
const names: Readonly<Record<'apt' | 'dnf', Readonly<Record<Need, readonly [string, string?]>>>> = {
  apt: {
    runc: ['runc'],
    crun: ['crun'],
    cniPlugins: ['containernetworking-plugins'],
    socat: ['socat'],
    iproute: ['iproute2'],
    iptables: ['iptables'],
    conntrack: ['conntrack'],
  },
  dnf: {
    runc: ['runc'],
    crun: ['crun'],
    // RHEL 10 has no plugins; the repository of Kubernetes has them under the second name.
    cniPlugins: ['containernetworking-plugins', 'kubernetes-cni'],
    socat: ['socat'],
    iproute: ['iproute'],
    // RHEL 8 has no package but iptables, and that one is for nftables.
    iptables: ['iptables-nft', 'iptables'],
    conntrack: ['conntrack-tools'],
  },
};

const always: readonly Need[] = ['cniPlugins', 'socat', 'iproute', 'iptables', 'conntrack'];

const needsOf = (spec: Spec): Need[] => [...spec.ociRuntimes.map((runtime) => runtime.name), ...always];

const wanted = (spec: Spec, nameOf: (need: Need) => string): string[] => [
  ...new Set([...needsOf(spec).map(nameOf), ...spec.packages.extra]),
];

const firstNames = (spec: Spec, manager: 'apt' | 'dnf'): string[] =>
  wanted(spec, (need) => names[manager][need][0]);

const otherNames = (spec: Spec): Record<string, string> =>
  Object.fromEntries(
    needsOf(spec).flatMap((need) => {
      const [name, other] = names.dnf[need];
      return other === undefined ? [] : [[name, other]];
    }),
  );

/** The name that is installed, or can be; where nothing is known of either, the one that the release is known to have. */
const nameOn =
  ({ packages, system: { os } }: Facts) =>
  (need: Need): string => {
    const [name, other] = names[packages.manager ?? 'apt'][need];
    if (other === undefined) return name;
    const isThere = (each: string) => packages.packages.get(each)?.state === 'installed';
    const canBe = (each: string) => packages.packages.get(each)?.candidate !== undefined;
    if (isThere(name) || isThere(other)) return isThere(name) ? name : other;
    if (canBe(name) || canBe(other)) return canBe(name) ? name : other;
    const release = releaseOfRhel(os) ?? 9;
    return (need === 'iptables' && release <= 8) || (need === 'cniPlugins' && release >= 10) ? other : name;
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
  ...new Set([...wanted(spec, nameOn(facts)), ...forOthers(spec, facts)]),
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
