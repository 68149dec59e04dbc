import { entriesOf } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { CniNetwork, Spec } from '../profile/profile.ts';
import type { Origin } from '../resources/change.ts';
import type { Resource } from '../resources/resource.ts';
import { type Concern, rendered } from './concern.ts';
import { daemonOf } from './engines.ts';
import { everyPlace, placesOn } from './places.ts';
import { requireFreeRanges } from './subnet-clash.ts';
import type { Render } from './templates.ts';

const folder = '/etc/cni/net.d';
const loopback = `${folder}/99-loopback.conf`;
const masqueradeTemplate = '/usr/libexec/berth-masquerade';
const masqueradeUnit = 'berth-masquerade.service';
const masqueradeUnitFile = `/etc/systemd/system/${masqueradeUnit}`;

/** The first network gets 10, the order of the files is the order of the profile. */
const fileOf = (network: CniNetwork, index: number): string =>
  `${folder}/${10 + index}-${network.name}.conflist`;

const isIpv6 = (subnet: string): boolean => subnet.includes(':');

export const cni: Concern = {
  asks: ({ cni: { networks } }) => ({
    files: [...networks.map(fileOf), loopback, ...everyPlace('masquerade'), masqueradeUnitFile],
    folders: [folder],
    interfaces: networks.map((network) => network.bridge),
    units: [masqueradeUnit],
  }),
  resources: ({ spec, facts, render }) => {
    requireFreeRanges(spec, facts, spec.cni.networks.map(fileOf));
    return { resources: cniResources(spec, facts, render), notes: foreignFiles(spec, facts) };
  },
};

const cniResources = (spec: Spec, facts: Facts, render: Render): Resource[] => [
  ...spec.cni.networks.map((network, index) => networkFile(network, index, spec, facts, render)),
  // Beside another CNI nothing of berth's may be found first.
  ...(spec.cni.provider === 'other' ? [] : [rendered(render, loopback, {}), ...ways(spec, facts, render)]),
];

function networkFile(network: CniNetwork, index: number, spec: Spec, facts: Facts, render: Render): Resource {
  const path = fileOf(network, index);
  const { name, bridge, subnets } = network;
  const values = {
    name,
    bridge,
    ipMasq: network.masquerade === 'plugin',
    subnets,
    routes: [...new Set(subnets.map((subnet) => (isIpv6(subnet) ? '::/0' : '0.0.0.0/0')))],
  };
  // The plugin makes the bridge when the first pod comes.
  const origins: Origin[] = facts.kernel.interfaces.has(bridge) ? [] : [{ kind: 'interface', name: bridge }];
  return {
    kind: 'file',
    path,
    content: { kind: 'text', text: render(`${folder}/10-mynet.conflist`, values, path) },
    mode: 0o644,
    readBy: [daemonOf(spec)],
    origins,
  };
}

/** The way of pods through iptables: their packets pass, and leave with an address of the node where the profile says so. */
function ways(spec: Spec, facts: Facts, render: Render): Resource[] {
  const { networks } = spec.cni;
  const gone = flushed(spec, facts);
  const subnets = networks.flatMap((network) => network.subnets);
  const masqueraded = networks.flatMap((network) => (network.masquerade === 'node' ? network.subnets : []));
  const { masquerade: script } = placesOn(facts);
  const values = {
    forward4: subnets.filter((subnet) => !isIpv6(subnet)),
    forward6: subnets.filter(isIpv6),
    ipv4: masqueraded.filter((subnet) => !isIpv6(subnet)),
    ipv6: masqueraded.filter(isIpv6),
  };
  return [
    {
      kind: 'file',
      path: script,
      content: { kind: 'text', text: render(masqueradeTemplate, values, script) },
      mode: 0o755,
      readBy: [masqueradeUnit],
    },
    rendered(render, masqueradeUnitFile, { script }, { readBy: [masqueradeUnit] }),
    {
      kind: 'unit',
      name: masqueradeUnit,
      file: masqueradeUnitFile,
      guarded: true,
      ...(gone.length === 0 ? {} : { undone: `somebody flushed its rules from ${gone.join(', ')}` }),
    },
  ];
}

/** Tables in which the unit made rules, and which have them no more: `iptables nat`. */
export function flushed({ cni: { networks } }: Spec, { health, units }: Facts): string[] {
  if (units.get(masqueradeUnit)?.activeState !== 'active') return [];
  const programOf = (subnet: string): string => (isIpv6(subnet) ? 'ip6tables' : 'iptables');
  const needed = networks.flatMap(({ subnets, masquerade }) =>
    subnets.flatMap((subnet) => [
      `${programOf(subnet)} filter`,
      ...(masquerade === 'node' ? [`${programOf(subnet)} nat`] : []),
    ]),
  );
  return [...new Set(needed)].filter((table) => !health.rules.has(table));
}

/** They stay: the default network is named in crio.conf, so none of them can win by its name. */
function foreignFiles({ cni: { networks, provider } }: Spec, facts: Facts): string[] {
  if (provider === 'other') return otherCni(facts);
  const ours = new Set([...networks.map(fileOf), loopback]);
  const earlier = new Set(facts.install.applied.keys());
  const foreign = entriesOf(facts.files, folder)
    .map((name) => `${folder}/${name}`)
    .filter((path) => !ours.has(path) && !earlier.has(path) && /\.(conf|conflist|json)$/.test(path));
  return foreign.map(
    (path) => `${path} is not berth's and stays; pods use ${networks[0]?.name ?? 'no network'}`,
  );
}

/** What a plan can say of a network that somebody else makes: whether it is there yet. */
const otherCni = (facts: Facts): string[] => {
  const found = entriesOf(facts.files, folder).filter(
    (name) => /\.(conf|conflist|json)$/.test(name) && !facts.install.applied.has(`${folder}/${name}`),
  );
  return found.length > 0
    ? [`pods use the first network of another CNI: ${found.toSorted()[0]}`]
    : [`another CNI is to make the pod network, and ${folder} has none yet: pods wait for it`];
};
