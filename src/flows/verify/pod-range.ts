import { contains, parseCidr } from '../../profile/cidr.ts';
import type { Spec } from '../../profile/profile.ts';
import { red, type Verdict } from './verdict.ts';

const isInside = (address: string, subnet: string): boolean => {
  const range = parseCidr(subnet);
  return range !== undefined && contains(range, address);
};

/** The verdict on addresses of which one is not in the pod network of the profile; undefined: all are. */
export const outsideRanges = (addresses: readonly string[], spec: Spec): Verdict | undefined => {
  const subnets = spec.cni.networks[0]?.subnets;
  // Another CNI has its own.
  if (subnets === undefined) return undefined;
  const foreign = addresses.find((address) => !subnets.some((subnet) => isInside(address, subnet)));
  if (foreign === undefined) return undefined;
  return red(
    `${foreign} is outside ${subnets.join(', ')}`,
    'another configuration in /etc/cni/net.d wins: the first one by name is used unless crio.conf names one; compare cni_default_network in /etc/crio/crio.conf.d',
  );
};

/** A pod has an address of each range; the verdict on one that lacks some, undefined: it has all. */
export const missingAddresses = (addresses: readonly string[], spec: Spec): Verdict | undefined => {
  const subnets = spec.cni.networks[0]?.subnets ?? [];
  const without = subnets.filter((subnet) => !addresses.some((address) => isInside(address, subnet)));
  if (without.length === 0) return undefined;
  return red(
    `${addresses.join(', ')}: no address of ${without.join(', ')}`,
    'a range without an address left, or a host without IPv6 (net.ipv6.conf.all.disable_ipv6)?',
  );
};
