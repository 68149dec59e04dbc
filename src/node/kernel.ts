import { normalSpace } from '../host/facts/kernel.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import { canCutConnections } from '../resources/sysctl.ts';
import { type Concern, rendered } from './concern.ts';

const modulesFile = '/etc/modules-load.d/berth.conf';
const sysctlsFile = '/etc/sysctl.d/90-berth.conf';

/** Without these pods have no network; the rest is tuning that a container's kernel may refuse. */
const isRequired = (key: string): boolean => /^net[./]/.test(key);

const moduleOf = (key: string): string | undefined =>
  /^net[./]bridge[./]/.test(key) ? 'br_netfilter' : undefined;

const ipv6Forwarding = 'net.ipv6.conf.all.forwarding';

const hasIpv6 = ({ cni }: Spec): boolean =>
  cni.networks.some(({ subnets }) => subnets.some((subnet) => subnet.includes(':')));

/**
 * Said and not done: with forwarding the kernel ignores router advertisements unless accept_ra is 2, and a host that
 * has its own address and route from them would be lost.
 */
const ipv6Notes = (spec: Spec, { kernel }: Facts): string[] => {
  if (!hasIpv6(spec) || ipv6Forwarding in spec.kernel.sysctls) return [];
  if (kernel.sysctls.get(ipv6Forwarding)?.value === '1') return [];
  return [
    `pods reach no IPv6 address beyond this node: ${ipv6Forwarding} is not 1; set it in spec.kernel.sysctls, with ` +
      'net.ipv6.conf.all.accept_ra: 2 where the host has its address from router advertisements',
  ];
};

export const kernel: Concern = {
  asks: (spec) => ({
    files: [modulesFile, sysctlsFile],
    modules: spec.kernel.modules,
    sysctls: [...Object.keys(spec.kernel.sysctls), ...(hasIpv6(spec) ? [ipv6Forwarding] : [])],
  }),
  resources: ({ spec, facts, render }) => {
    const { modules, sysctls } = spec.kernel;
    const entries = Object.entries(sysctls);
    const persisted: Resource[] = [];
    const notes = ipv6Notes(spec, facts);
    if (modules.length > 0 && facts.kernel.hasModuleTree) {
      persisted.push(rendered(render, modulesFile, { modules }));
    } else if (modules.length > 0) {
      // Naming modules at boot on a host without a module tree only makes the boot degraded.
      notes.push(
        `the kernel belongs to the machine around this host, which must load ${modules.join(', ')} at its boot`,
      );
    }
    // Beside the values in the running kernel, so that one new connection confirms both.
    const guarded = entries.some(
      ([key, value]) => canCutConnections(key) && facts.kernel.sysctls.get(key)?.value !== normalSpace(value),
    );
    const sysctlsWanted = entries.map(([key, value]) => ({ key, value }));
    return {
      resources: [
        ...persisted,
        ...modules.map((name): Resource => ({ kind: 'module', name })),
        rendered(render, sysctlsFile, { sysctls: sysctlsWanted }, { guarded }),
        ...entries.map(([key, value]): Resource => {
          const broughtBy = moduleOf(key);
          const required = isRequired(key);
          return { kind: 'sysctl', key, value, required, ...(broughtBy === undefined ? {} : { broughtBy }) };
        }),
      ],
      notes,
    };
  },
};
