import { isMapping, list } from '../../profile/as-written.ts';
import { type AddressRange, formatCidr, overlaps, parseCidr, partOf } from '../../profile/cidr.ts';
import type { ProfileSources } from '../../profile/profile.ts';
import { type Path, plainOf, treeAt } from '../../profile/tree.ts';
import { profileIn, rootOf, valueAt } from './document.ts';
import { hostsIn } from './state.ts';

/*
 * The hosts of a profile that are one cluster. Each of them gives its pods addresses from a range of its own, unless a CNI of
 * the cluster gives them to all.
 */

const networksPath: Path = ['spec', 'cni', 'networks'];

/** Names of the hosts that make a cluster, or join those that do. */
export const planesIn = (sources: ProfileSources): readonly string[] =>
  (profileIn(sources)?.hosts ?? [])
    .filter(({ spec }) => spec.kubernetes?.role === 'control-plane')
    .map(({ name }) => name);

/** A range for one host has 256 addresses, or 2^64; of a range that is no larger, a sixteenth. */
const prefixWithin = ({ family, prefix }: AddressRange): number => {
  const usual = family === 4 ? 24 : 64;
  return Math.max(usual, prefix + 4);
};

/**
 * For each of so many hosts that have none yet, networks of its own: those of all, with the next parts of their ranges that
 * no host has. Empty where hosts need none, or where the ranges have no room for all.
 */
export const ownNetworks = (sources: ProfileSources, count: number): readonly (readonly unknown[])[] => {
  if (valueAt(sources, ['spec', 'cni', 'provider']) === 'other') return [];
  const [base, ...others] = list(valueAt(sources, networksPath));
  if (!isMapping(base) || others.length > 0) return [];
  const written = treeAt(rootOf(sources), networksPath);
  const [form] = written === undefined ? [] : list(plainOf(written));
  const taken = hostsIn(sources).flatMap(({ form: host }) => rangesOf(host));
  const parts = list(base['subnets']).map((subnet) => freeParts(String(subnet), taken, count));
  if (parts.length === 0 || parts.some((free) => free.length < count)) return [];
  const shared = isMapping(form) ? form : { name: base['name'] };
  return Array.from({ length: count }, (_, index) => [
    { ...shared, subnets: parts.flatMap((free) => free[index] ?? []) },
  ]);
};

const freeParts = (subnet: string, taken: readonly AddressRange[], count: number): string[] => {
  const range = parseCidr(subnet);
  const free: string[] = [];
  for (let index = 0; range !== undefined && free.length < count; index += 1) {
    const part = partOf(range, prefixWithin(range), index);
    if (part === undefined) break;
    if (!taken.some((other) => overlaps(part, other))) free.push(formatCidr(part));
  }
  return free;
};

const cniOf = (host: unknown): unknown =>
  isMapping(host) && isMapping(host['spec']) ? host['spec']['cni'] : undefined;

/** Whether the host says something of its pod network itself. */
export const hasOwnNetwork = (host: unknown): boolean => cniOf(host) !== undefined;

const rangesOf = (host: unknown): AddressRange[] => {
  const cni = cniOf(host);
  return list(isMapping(cni) ? cni['networks'] : undefined)
    .flatMap((network) => list(isMapping(network) ? network['subnets'] : undefined))
    .flatMap((subnet) => parseCidr(String(subnet)) ?? []);
};
