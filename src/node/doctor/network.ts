import { fileAt } from '../../host/facts/files.ts';
import type { BaseChain } from '../../host/facts/trouble.ts';
import type { Change } from '../../resources/change.ts';
import { addLine } from '../../resources/commented.ts';
import { unifiedDiff } from '../../resources/diff.ts';
import { flushed } from '../cni.ts';
import { firewallOf } from '../firewall.ts';
import { subnetClashes } from '../subnet-clash.ts';
import { type Cause, inDepth, ranges, type Sign, sysctlOf } from './cause.ts';

const masqueradeUnit = 'berth-masquerade.service';
const isIpv6 = (range: string): boolean => range.includes(':');

/** The unit puts its rules where they must be whenever it starts. */
const restartMasquerade: Change = {
  id: `restart:${masqueradeUnit}`,
  action: 'restart',
  summary: `restart ${masqueradeUnit}, which makes its rules again`,
  steps: [{ kind: 'run', argv: ['systemctl', 'restart', masqueradeUnit], deadlineSeconds: 150 }],
};

/** Chains of nftables that iptables and the firewalls berth speaks to do not show. */
const foreignChains = (chains: readonly BaseChain[]): BaseChain[] =>
  chains.filter(
    ({ table, hook, policy }) =>
      hook === 'forward' && policy === 'drop' && !/^(ip|ip6) filter$|firewalld/.test(table),
  );

export const forwardRefused: Cause = {
  code: 'BD016',
  name: 'forwarding-refused',
  why: 'Packets between pods and the world pass the chain FORWARD of the node; one that refuses them cuts pods off, in silence.',
  find: inDepth(({ forward, baseChains, trustedSources }, { facts, spec }) => {
    const isInstalled = facts.units.get(masqueradeUnit)?.activeState === 'active';
    const programs = new Set(ranges(spec).map((range) => (isIpv6(range) ? 'ip6tables' : 'iptables')));
    const refused = [...forward]
      .filter(([program]) => programs.has(program))
      .filter(
        ([, rules]) =>
          !rules.some((rule) => rule.includes('-j BERTH-FORWARD')) &&
          rules.some((rule) => /^-P FORWARD DROP$|^-A FORWARD -j (DROP|REJECT)( |$)/.test(rule)),
      )
      .map(
        ([program, rules]): Sign => ({
          level: 'error',
          evidence: `${program} -S FORWARD: ${rules.find((rule) => /DROP|REJECT/.test(rule))}, and no rule lets pods pass`,
          remedy: isInstalled
            ? `systemctl restart ${masqueradeUnit}`
            : 'Run berth apply: it lets packets of pods pass, and nothing else.',
          ...(isInstalled ? { fix: [restartMasquerade] } : {}),
        }),
      );
    const chains = foreignChains(baseChains).map(
      ({ table, chain }): Sign => ({
        level: 'error',
        evidence: `nftables: chain ${chain} of table ${table} hooks into forward with policy drop`,
        remedy: `It belongs to you: let pods pass there, as in: nft add rule ${table} ${chain} ip saddr ${ranges(spec)[0]} accept, and the same for daddr; and in the file that makes the table.`,
      }),
    );
    const missing =
      firewallOf(facts) === 'firewalld' && trustedSources !== undefined
        ? ranges(spec).filter((range) => !trustedSources.includes(range))
        : [];
    return [
      ...refused,
      ...chains,
      ...missing.map(
        (range): Sign => ({
          level: 'error',
          evidence: `firewalld is active and does not trust ${range}`,
          remedy: 'Run berth apply; where it has run: firewall-cmd --reload',
        }),
      ),
    ];
  }),
};

export const masqueradeMissing: Cause = {
  code: 'BD031',
  name: 'rules-flushed',
  why: 'Without them packets of pods are refused, or leave the node with addresses for which no answer finds its way back.',
  find: ({ facts, spec }) => {
    const tables = flushed(spec, facts);
    if (tables.length === 0) return [];
    return [
      {
        level: 'error',
        evidence: `${masqueradeUnit} is active, and its rules are gone from ${tables.join(', ')}: somebody flushed them`,
        remedy: `systemctl restart ${masqueradeUnit}, or berth apply`,
        fix: [restartMasquerade],
      },
    ];
  },
};

export const subnetClash: Cause = {
  code: 'BD017',
  name: 'subnet-clash',
  why: 'The node would send packets for that network to its pods, or packets for pods out of the wrong interface.',
  beforeChanges: true,
  find: ({ spec, facts }) => {
    return subnetClashes(spec, facts).map(
      ({ range, destination, interface: name }): Sign => ({
        level: 'error',
        evidence: `the pod range ${range} overlaps the route to ${destination} by ${name}`,
        remedy: 'Choose another range in spec.cni.networks.',
      }),
    );
  },
};

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

export const loopbackResolver: Cause = {
  code: 'BD022',
  name: 'resolver-on-loopback',
  why: 'Pods that take over the resolv.conf of the node ask their own loopback, where nobody answers.',
  find: inDepth(({ nameservers }) => {
    if (nameservers.length === 0 || !nameservers.every(isLoopback)) return [];
    const resolved = nameservers.includes('127.0.0.53');
    return [
      {
        level: 'warning',
        evidence: `/etc/resolv.conf names ${nameservers.join(', ')} alone`,
        remedy: resolved
          ? 'Give the kubelet resolvConf: /run/systemd/resolve/resolv.conf, which lists the servers behind systemd-resolved.'
          : 'Give the kubelet a resolvConf with servers that pods can reach.',
      },
    ];
  }),
};

const hosts = '/etc/hosts';

export const unresolvableHostname: Cause = {
  code: 'BD023',
  name: 'hostname-unresolvable',
  why: 'The kubelet, sudo and many others look up the name of their own host, and wait for a time-out each time.',
  find: inDepth(({ hostname }, { facts }) => {
    if (hostname === undefined || hostname.resolves) return [];
    const file = fileAt(facts.files, hosts);
    const line = `127.0.1.1 ${hostname.name}`;
    return [
      {
        level: 'warning',
        evidence: `nothing resolves ${hostname.name}`,
        remedy: `Add it to the DNS, or to ${hosts}: ${line}`,
        ...(file.kind === 'file' && file.text !== undefined
          ? { fix: [hostsLine(file.text, line, file.mode)] }
          : {}),
      },
    ];
  }),
};

function hostsLine(text: string, line: string, mode: number): Change {
  const added = addLine(text, line);
  return {
    id: `file:${hosts}`,
    action: 'update',
    summary: `add ${line} to ${hosts}`,
    diff: unifiedDiff(hosts, text, added),
    origins: [
      { kind: 'fix', name: hosts },
      { kind: 'lines', name: hosts },
    ],
    steps: [{ kind: 'write', path: hosts, content: { kind: 'text', text: added }, mode }],
  };
}

export const ipv6Disabled: Cause = {
  code: 'BD024',
  name: 'ipv6-disabled',
  why: 'A pod network with an IPv6 range cannot give its pods their addresses.',
  find: ({ spec, facts }) => {
    const wanted = ranges(spec).filter(isIpv6);
    if (wanted.length === 0) return [];
    const keys = ['net.ipv6.conf.all.disable_ipv6', 'net.ipv6.conf.default.disable_ipv6'];
    return keys
      .filter((key) => sysctlOf(facts, key) === 1)
      .map((key) => ({
        level: 'error',
        evidence: `${key} is 1, and spec.cni.networks has ${wanted.join(', ')}`,
        remedy: `Set ${key}: 0 in spec.kernel.sysctls, or take the IPv6 range out of the profile.`,
      }));
  },
};

export const conntrackFull: Cause = {
  code: 'BD028',
  name: 'conntrack-full',
  why: 'When the table of connections is full the kernel drops packets of new ones, of every pod and of the node.',
  find: ({ facts }) => {
    const count = sysctlOf(facts, 'net.netfilter.nf_conntrack_count');
    const max = sysctlOf(facts, 'net.netfilter.nf_conntrack_max');
    if (count === undefined || max === undefined || max === 0 || count < 0.8 * max) return [];
    return [
      {
        level: count >= max ? 'error' : 'warning',
        evidence: `${count} of ${max} entries are in use`,
        remedy: `Set net.netfilter.nf_conntrack_max: ${max * 2} in spec.kernel.sysctls.`,
      },
    ];
  },
};
