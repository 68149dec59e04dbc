import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Concern } from './concern.ts';
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

export const packages: Concern = {
  asks: (spec) => ({ packages: { apt: wanted(spec, 'apt'), dnf: wanted(spec, 'dnf') } }),
  resources: ({ spec, facts }) => ({
    resources: [
      {
        kind: 'packages',
        names: [...new Set([...wanted(spec, facts.packages.manager ?? 'apt'), ...forOthers(spec, facts)])],
      },
    ],
  }),
};
