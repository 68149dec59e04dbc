import { nearest } from '../core/nearest.ts';
import { finding, isMapping, list, mapping, type Path } from './as-written.ts';
import { type AddressRange, overlaps, parseCidr } from './cidr.ts';
import { clusterRules, kubernetesRules } from './cluster-checks.ts';
import type { Finding } from './finding.ts';
import { gceRules, instancesOf } from './gce-rules.ts';
import { parseReference } from './image-reference.ts';
import { policyRules } from './policy-rules.ts';
import { engineAndRuntimeRules } from './runtime-rules.ts';
import { locate, plainOf, type Tree } from './tree.ts';
import { mentionsVariables } from './variables.ts';

/*
 * Rules that span several keys. They look at values as they were written, so that they can be reported together
 * with the problems of single values: what does not have the right shape is passed over here.
 */

const textOr = (value: unknown, fallback: string): string => (typeof value === 'string' ? value : fallback);

/** Where a value stands, for a sentence about another one. */
type Where = (path: Path) => string;

const whereIn =
  (tree: Tree): Where =>
  (path) =>
    locate(tree, { path, at: 'value' }).where;

/** Values that must differ, each with the path where it stands; the second and later ones are reported. */
const duplicates = (
  entries: readonly (readonly [value: unknown, path: Path])[],
  what: string,
  where: Where,
): Finding[] => {
  const first = new Map<unknown, Path>();
  return entries.flatMap(([value, path]) => {
    const earlier = first.get(value);
    if (typeof value !== 'string') return [];
    if (earlier === undefined) {
      first.set(value, path);
      return [];
    }
    return [finding(path, `${what} "${value}" is taken by ${where(earlier.slice(0, -1))} already`)];
  });
};

/** Keys of a host that say how it is reached. */
export const ways = ['ssh', 'local', 'embedded', 'vagrant', 'gce'] as const;

const oneWay = (host: unknown, index: number): Finding[] => {
  if (!isMapping(host)) return [];
  const named = ways.filter((way) => way in host);
  if (named.length === 1) return [];
  // A mistyped way is reported as an unknown key, with the right one beside it.
  if (named.length === 0 && Object.keys(host).some((key) => nearest(key, ways))) return [];
  if (named.length === 0)
    return [
      finding(
        ['hosts', index],
        'says no way to reach the host; add ssh: { host: ADDRESS }, local: {}, embedded: {}, vagrant: { machine: NAME } or gce: { project: ID, zone: ZONE }',
      ),
    ];
  return [
    finding(
      ['hosts', index, named[1] ?? 'ssh'],
      `a host is reached in one way, not by ${named.join(' and ')}`,
      'key',
    ),
  ];
};

const hostRules = (profile: unknown, where: Where): Finding[] => {
  const hosts = list(mapping(profile)['hosts']);
  const embedded = hosts.flatMap((host, index) =>
    isMapping(host) && isMapping(host['embedded'])
      ? [{ at: host['embedded'], path: ['hosts', index, 'embedded'] as Path }]
      : [],
  );
  return [
    ...hosts.flatMap(oneWay),
    ...hosts.flatMap(gceRules),
    ...duplicates(instancesOf(hosts), 'the instance', where),
    ...duplicates(
      hosts.map((host, index) => [mapping(host)['name'], ['hosts', index, 'name']]),
      'the host name',
      where,
    ),
    ...duplicates(
      embedded.map(({ at, path }) => [textOr(at['name'], 'quick'), [...path, 'name']]),
      'the embedded name',
      where,
    ),
  ];
};

interface NamedRange {
  readonly text: string;
  readonly path: Path;
  readonly range: AddressRange;
}

const podRanges = (profile: unknown): NamedRange[] =>
  list(mapping(profile, 'spec', 'cni')['networks']).flatMap((network, index) =>
    list(mapping(network)['subnets']).flatMap((subnet, number) =>
      named(subnet, ['spec', 'cni', 'networks', index, 'subnets', number]),
    ),
  );

const hostRanges = (profile: unknown): NamedRange[] =>
  list(mapping(profile)['hosts']).flatMap((host, index) => {
    if (!isMapping(host) || !isMapping(host['embedded'])) return [];
    const network = textOr(host['embedded']['network'], '10.199.77');
    return named(`${network}.0/24`, ['hosts', index, 'embedded', 'network']);
  });

const named = (text: unknown, path: Path): NamedRange[] => {
  const range = typeof text === 'string' ? parseCidr(text) : undefined;
  return range && typeof text === 'string' ? [{ text, path, range }] : [];
};

/** A range, and its place for the sentence about one that overlaps it. */
interface Taken extends NamedRange {
  readonly where: string;
}

/** Ranges that overlap one that was taken before. */
const overlapping = (ranges: readonly NamedRange[], before: readonly Taken[], where: Where): Finding[] => {
  const taken = [...before];
  return ranges.flatMap((one) => {
    const clash = taken.find((earlier) => overlaps(one.range, earlier.range));
    taken.push({ ...one, where: where(one.path) });
    return clash ? [finding(one.path, `${one.text} overlaps ${clash.text} of ${clash.where}`)] : [];
  });
};

/** Ranges that the ways to the hosts of a document take. */
export const takenByHosts = (document: Tree): readonly Taken[] =>
  hostRanges(plainOf(document)).map((range) => ({ ...range, where: whereIn(document)(range.path) }));

const networkRules = (profile: unknown, where: Where): Finding[] => {
  const networks = list(mapping(profile, 'spec', 'cni')['networks']);
  const path = (index: number, key: string): Path => ['spec', 'cni', 'networks', index, key];
  return [
    ...duplicates(
      networks.map((network, index) => [mapping(network)['name'], path(index, 'name')]),
      'the network name',
      where,
    ),
    ...duplicates(
      networks.map((network, index) => [
        isMapping(network) ? (network['bridge'] ?? 'cni0') : undefined,
        path(index, 'bridge'),
      ]),
      'the bridge',
      where,
    ),
  ];
};

const runtimeRules = (profile: unknown, where: Where): Finding[] =>
  duplicates(
    list(mapping(profile, 'spec')['ociRuntimes']).map((entry, index) => [
      mapping(entry)['name'],
      ['spec', 'ociRuntimes', index, 'name'],
    ]),
    'the runtime',
    where,
  );

const artifactRules = (profile: unknown): Finding[] => {
  const artifacts = mapping(profile, 'spec', 'artifacts');
  const source = artifacts['source'];
  if ((source !== 'mirror' && source !== 'folder') || source in artifacts) return [];
  return [
    finding(['spec', 'artifacts', 'source'], `is ${source}, so spec.artifacts.${source} must say which`),
  ];
};

/** An image served on the host's loopback must be named by an address there, and may be pulled without TLS. */
const embeddedImageRules = (profile: unknown): Finding[] => {
  const verify = mapping(profile, 'spec', 'verify');
  if (verify['imageSource'] !== 'embedded') return [];
  const path: Path = ['spec', 'verify', 'image' in verify ? 'image' : 'imageSource'];
  const parts = parseReference(textOr(verify['image'], 'quay.io/crio/redis:alpine'));
  if (typeof parts === 'string') return [];
  const registry = parts.registry ?? '';
  if (!/^(?:localhost|127\.0\.0\.1):\d+$/.test(registry))
    return [
      finding(
        path,
        'an embedded image is named by a port of the loopback, as in localhost:5000/crio/redis:alpine',
      ),
    ];
  if (list(mapping(profile, 'spec', 'registries')['insecure']).includes(registry)) return [];
  return [finding(path, `${registry} speaks no TLS: add it to spec.registries.insecure`)];
};

/** Groups that hosts name, and the names that groups have. */
const groupRules = (profile: unknown, where: Where): Finding[] => {
  const groups = Object.keys(mapping(profile, 'groups'));
  const hosts = list(mapping(profile)['hosts']);
  const names = hosts.map((host) => mapping(host)['name']);
  const clashes = groups.flatMap((name) => {
    const index = names.indexOf(name);
    if (index < 0) return [];
    return [finding(['groups', name], `a host has this name already: ${where(['hosts', index])}`, 'key')];
  });
  return [...hosts.flatMap((host, index) => unknownGroups(host, index, groups)), ...clashes];
};

const unknownGroups = (host: unknown, index: number, groups: readonly string[]): Finding[] =>
  list(mapping(host)['groups']).flatMap((name, number) => {
    if (typeof name !== 'string' || groups.includes(name)) return [];
    const guess = nearest(name, groups);
    const remedy = guess === undefined ? `known: ${groups.join(', ') || 'none'}` : `did you mean ${guess}?`;
    return [finding(['hosts', index, 'groups', number], `there is no group ${name}; ${remedy}`)];
  });

/** What variables can be replaced in is what the profile says of hosts, not how it is put together. */
const fixedText = (profile: unknown): Finding[] => {
  const top = mapping(profile);
  const fixed: [unknown, Path][] = [
    ...list(top['include']).map((value, index): [unknown, Path] => [value, ['include', index]]),
    ...list(top['hosts']).flatMap((host, index): [unknown, Path][] => [
      [mapping(host)['name'], ['hosts', index, 'name']],
    ]),
  ];
  return fixed.flatMap(([value, path]) =>
    mentionsVariables(value) ? [finding(path, 'variables are not replaced here')] : [],
  );
};

/** The document as it was written. */
export const writtenRules = (root: Tree): readonly Finding[] => {
  const profile = plainOf(root);
  return [...groupRules(profile, whereIn(root)), ...fixedText(profile)];
};

/** The hosts of a document, with everything that is said of them. */
export const documentRules = (document: Tree): readonly Finding[] => {
  const profile = plainOf(document);
  const where = whereIn(document);
  return [
    ...hostRules(profile, where),
    ...overlapping(hostRanges(profile), [], where),
    ...clusterRules(profile),
  ];
};

/** One host, or the profile where all of them are alike: what it says under `spec`. */
export const specRules = (host: Tree, taken: readonly Taken[]): readonly Finding[] => {
  const plain = plainOf(host);
  const where = whereIn(host);
  return [
    ...overlapping(podRanges(plain), taken, where),
    ...networkRules(plain, where),
    ...runtimeRules(plain, where),
    ...engineAndRuntimeRules(plain),
    ...policyRules(plain),
    ...artifactRules(plain),
    ...embeddedImageRules(plain),
    ...registryRules(plain, where),
    ...kubernetesRules(plain),
  ];
};

/** Of two entries for one registry only the last would count. */
const registryRules = (profile: unknown, where: Where): Finding[] =>
  (['mirrors', 'auth'] as const).flatMap((key) =>
    duplicates(
      list(mapping(profile, 'spec', 'registries')[key]).map((entry, index) => [
        mapping(entry)['registry'],
        ['spec', 'registries', key, index, 'registry'],
      ]),
      'the registry',
      where,
    ),
  );
