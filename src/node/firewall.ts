import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import { trustedZoneFile } from '../resources/entry.ts';
import type { Resource } from '../resources/resource.ts';
import type { Concern } from './concern.ts';

const ufwConfig = '/etc/ufw/ufw.conf';

/** Who decides which packets this host passes on, beside the tables of iptables, which berth-masquerade looks after. */
export const firewallOf = ({ units, files }: Facts): 'firewalld' | 'ufw' | undefined => {
  if (units.get('firewalld.service')?.activeState === 'active') return 'firewalld';
  const config = fileAt(files, ufwConfig);
  return config.kind === 'file' && /^\s*ENABLED=yes\s*$/m.test(config.text ?? '') ? 'ufw' : undefined;
};

const rangesOf = ({ cni }: Spec): string[] => cni.networks.flatMap(({ subnets }) => subnets);

/**
 * The way of pods out and in. Both firewalls get entries by their own tools: their reload would drop rules that were put
 * past them, and an administrator finds these where the others are. The ranges of pods are named, not the bridge: it
 * comes with the first pod.
 */
export const firewall: Concern = {
  asks: () => ({
    files: [trustedZoneFile, ufwConfig],
    units: ['firewalld.service', 'nftables.service', 'docker.service'],
  }),
  resources: ({ spec, facts }) => {
    const ranges = rangesOf(spec);
    const entries: Record<'firewalld' | 'ufw', Resource[]> = {
      firewalld: ranges.map((name) => ({ kind: 'entry', system: 'firewalld', name })),
      ufw: ranges.flatMap((range) => [
        { kind: 'entry', system: 'ufw', name: `from ${range}` },
        { kind: 'entry', system: 'ufw', name: `to ${range}` },
      ]),
    };
    const inCharge = firewallOf(facts);
    return { resources: inCharge === undefined ? [] : entries[inCharge] };
  },
};
