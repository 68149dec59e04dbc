import { listed } from '../../../core/text.ts';
import { subnetClash } from '../../../node/doctor/network.ts';
import { overlaps, parseCidr } from '../../../profile/cidr.ts';
import type { Path } from '../../../profile/tree.ts';
import { type Edit, profileIn, valueAt } from '../document.ts';
import { answered, type ChoiceRow, choiceRow, note, type PageRow, textRow } from '../rows.ts';
import { metHosts, type WizardState } from '../state.ts';

const networksPath: Path = ['spec', 'cni', 'networks'];

/** Ranges that are seldom taken, the usual one first. */
const usual = [
  '10.88.0.0/16',
  '10.89.0.0/16',
  '10.120.0.0/16',
  '10.210.0.0/16',
  '172.30.0.0/16',
  '192.168.240.0/20',
];

const explained = {
  subnets: `Pods get their addresses from these ranges; with an IPv4 and an IPv6 range, one of each. A range that the
host has a route for would send packets for that network to pods. Hosts may share a range as long
as pods of one need not speak to pods of another.`,
  name: `Name of the network, in /etc/cni/net.d/10-NAME.conflist and among what its plugins keep. Pods that run keep
the network that they were made with until they are made anew.`,
  bridge: `The network interface on the host that its pods share: up to 15 characters. Nothing else may make one of that
name, as flannel makes cni0. Pods that run stay on the bridge that they were made with.`,
  masquerade: `node: one rule set for the host, made by berth: pods leave with the address of their host.
plugin: the same, as rules for each pod, which makes pods start later.
none: addresses of pods are routed by your network; without that, pods reach nobody.`,
} as const;

const clashes = (state: WizardState): PageRow[] => {
  const profile = profileIn(state.sources);
  const met = metHosts(state);
  if (profile === undefined || met.length === 0)
    return [note('No host has been met: whether the ranges are free on them shows in berth plan.', 'dim')];
  // What hosts have in common is told once.
  const signs = new Map<string, string[]>();
  for (const {
    name,
    met: { facts },
  } of met) {
    const spec = profile.hosts.find((host) => host.name === name)?.spec;
    for (const { evidence } of spec === undefined ? [] : subnetClash.find({ spec, facts }))
      signs.set(evidence, [...(signs.get(evidence) ?? []), name]);
  }
  if (signs.size === 0) return [note('✓ No route of a host that was met is in the way.', 'good')];
  const told = [...signs].map(([evidence, names]) => note(`✗ ${listed(names)}: ${evidence}`, 'bad'));
  return [...told, ...freeRange(state)];
};

/** A range that no route of a met host overlaps. */
const freeRange = (state: WizardState): PageRow[] => {
  const routes = metHosts(state)
    .flatMap(({ met: { facts } }) => facts.health.routes)
    .filter(({ destination }) => !destination.endsWith('/0'))
    .flatMap(({ destination }) => parseCidr(destination) ?? []);
  const free = usual.find((text) => {
    const range = parseCidr(text);
    return range !== undefined && !routes.some((route) => overlaps(range, route));
  });
  if (free === undefined) return [];
  const path = [...networksPath, 0, 'subnets'];
  return [
    {
      kind: 'action',
      id: 'free-range',
      label: `Take ${free}`,
      path,
      explain: `None of the hosts that were met has a route for ${free}. Whether your network uses it elsewhere, you know.`,
      press: () => answered(state, path.join('.'), free, [{ kind: 'set', path, value: [free] }]),
    },
  ];
};

const networkOf = (state: WizardState, index: number, count: number): PageRow[] => {
  const at = (key: string): Path => [...networksPath, index, key];
  const number = count === 1 ? '' : ` ${index + 1}`;
  return [
    textRow(state, { label: `Network${number}`, path: at('name'), explain: explained.name }),
    textRow(state, {
      label: `Pod ranges${number}`,
      path: at('subnets'),
      as: 'list',
      explain: explained.subnets,
    }),
    textRow(state, {
      label: `Bridge${number}`,
      path: at('bridge'),
      explain: explained.bridge,
      empty: 'cni0',
    }),
    choiceRow(state, { label: `Masquerade${number}`, path: at('masquerade'), explain: explained.masquerade }),
  ];
};

const providerPath: Path = ['spec', 'cni', 'provider'];

/** Who makes the networks says what they are: with another CNI the profile has none. */
const providerRow = (state: WizardState): ChoiceRow => {
  const row = choiceRow(state, { label: 'CNI', path: providerPath });
  const choose = (option: string): WizardState => {
    const set: Edit = { kind: 'set', path: providerPath, value: option };
    const edits: readonly Edit[] = option === 'other' ? [{ kind: 'remove', path: networksPath }, set] : [set];
    return answered(state, row.id, option, edits);
  };
  return { ...row, choose };
};

export const networkRows = (state: WizardState): PageRow[] => {
  const provider = [providerRow(state)];
  if (valueAt(state.sources, providerPath) === 'other')
    return [
      ...provider,
      note('The CNI of the cluster gives addresses to pods; berth writes no network.', 'dim'),
    ];
  return [...provider, ...ownNetworks(state)];
};

const ownNetworks = (state: WizardState): PageRow[] => {
  const networks = valueAt(state.sources, networksPath);
  const count = Array.isArray(networks) ? networks.length : 0;
  return [
    ...Array.from({ length: count }, (_, index) => networkOf(state, index, count)).flat(),
    ...clashes(state),
  ];
};
