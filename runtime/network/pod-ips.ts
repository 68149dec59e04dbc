import { isIPv4 } from 'node:net';
import type { CniResult } from '../spec/cni/cni.ts';

/** The pod's addresses without prefix lengths: the first IPv4 address first, the others in the plugin's order. */
export const podIps = (result: CniResult): readonly string[] => {
  const addresses = addressesInPod(result).map((address) => address.replace(/\/.*$/, ''));
  const primary = addresses.find((address) => isIPv4(address)) ?? addresses[0];
  return primary === undefined ? [] : [primary, ...addresses.filter((address) => address !== primary)];
};

/** Addresses of interfaces inside the namespace; an address that names no interface belongs to the pod. */
const addressesInPod = (result: CniResult): readonly string[] =>
  (result.ips ?? [])
    .filter(
      ({ interface: index }) => index === undefined || (result.interfaces?.[index]?.sandbox ?? '') !== '',
    )
    .map(({ address }) => address);
