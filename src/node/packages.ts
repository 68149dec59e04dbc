import type { Spec } from '../profile/profile.ts';
import type { Concern } from './concern.ts';

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

export const packages: Concern = {
  asks: (spec) => ({ packages: { apt: wanted(spec, 'apt'), dnf: wanted(spec, 'dnf') } }),
  resources: ({ spec, facts }) => ({
    resources: [{ kind: 'packages', names: wanted(spec, facts.packages.manager ?? 'apt') }],
  }),
};
