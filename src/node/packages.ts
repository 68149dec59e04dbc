import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { LockedPackages } from '../resources/resource.ts';
import type { Concern } from './concern.ts';
import { proxyVariables } from './proxy.ts';
import { selinuxPackages } from './selinux.ts';
import { timePackages } from './time-sync.ts';

type Need = 'runc' | 'crun' | 'cniPlugins' | 'socat' | 'iproute' | 'iptables' | 'conntrack';

/** What the distributions call what a node needs. */
const names: Readonly<Record<'apt' | 'dnf', Readonly<Record<Need, string>>>> = {
  apt: {
    runc: 'runc',
    crun: 'crun',
    cniPlugins: 'containernetworking-plugins',
    socat: 'socat',
    iproute: 'iproute2',
    iptables: 'iptables',
    conntrack: 'conntrack',
  },
  dnf: {
    runc: 'runc',
    crun: 'crun',
    cniPlugins: 'containernetworking-plugins',
    socat: 'socat',
    iproute: 'iproute',
    iptables: 'iptables-nft',
    conntrack: 'conntrack-tools',
  },
};

const always: readonly Need[] = ['cniPlugins', 'socat', 'iproute', 'iptables', 'conntrack'];

const wanted = (spec: Spec, manager: 'apt' | 'dnf'): string[] => {
  const needs: Need[] = [...spec.ociRuntimes.map((runtime) => runtime.name), ...always];
  return [...new Set([...needs.map((need) => names[manager][need]), ...spec.packages.extra])];
};

/** What other concerns need: package managers do all packages at the price of one. */
const forOthers = (spec: Spec, facts: Facts): readonly string[] => [
  ...timePackages(spec, facts),
  ...selinuxPackages(facts),
];

/** The packages by name that this host should have. */
export const packagesFor = (spec: Spec, facts: Facts): string[] => [
  ...new Set([...wanted(spec, facts.packages.manager ?? 'apt'), ...forOthers(spec, facts)]),
];

export const packages: Concern = {
  asks: (spec) => ({ packages: { apt: wanted(spec, 'apt'), dnf: wanted(spec, 'dnf') } }),
  resources: ({ spec, facts, supplies: { packages: locked } }) => {
    const names = packagesFor(spec, facts);
    return {
      resources: [
        {
          kind: 'packages',
          names,
          layer: spec.packages.ostree === 'layer',
          env: proxyVariables(spec),
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
