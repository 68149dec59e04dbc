import { nearest } from '../core/nearest.ts';
import { type AddressRange, overlaps, parseCidr } from './cidr.ts';
import { type Finding, pathText } from './finding.ts';
import { parseReference } from './image-reference.ts';

/*
 * Rules that span several keys. They look at the document as it was written, so that they can be reported together
 * with the problems of single values: what does not have the right shape is passed over here.
 */

type Mapping = Readonly<Record<string, unknown>>;
type Path = Finding['path'];

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const mapping = (value: unknown, ...keys: string[]): Mapping => {
  const inner = keys.reduce<unknown>((at, key) => (isMapping(at) ? at[key] : undefined), value);
  return isMapping(inner) ? inner : {};
};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOr = (value: unknown, fallback: string): string => (typeof value === 'string' ? value : fallback);

const finding = (path: Path, message: string, at: Finding['at'] = 'value'): Finding => ({
  path,
  at,
  message,
});

/** Values that must differ, each with the path where it stands; the second and later ones are reported. */
const duplicates = (entries: readonly (readonly [value: unknown, path: Path])[], what: string): Finding[] => {
  const first = new Map<unknown, Path>();
  return entries.flatMap(([value, path]) => {
    const earlier = first.get(value);
    if (typeof value !== 'string') return [];
    if (earlier === undefined) {
      first.set(value, path);
      return [];
    }
    return [finding(path, `${what} "${value}" is taken by ${pathText(earlier.slice(0, -1))} already`)];
  });
};

const ways = ['ssh', 'local', 'embedded'] as const;

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
        'says no way to reach the host; add ssh: { host: ADDRESS }, local: {} or embedded: {}',
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

const hostRules = (profile: unknown): Finding[] => {
  const hosts = list(mapping(profile)['hosts']);
  const embedded = hosts.flatMap((host, index) =>
    isMapping(host) && isMapping(host['embedded'])
      ? [{ at: host['embedded'], path: ['hosts', index, 'embedded'] as Path }]
      : [],
  );
  return [
    ...hosts.flatMap(oneWay),
    ...duplicates(
      hosts.map((host, index) => [mapping(host)['name'], ['hosts', index, 'name']]),
      'the host name',
    ),
    ...duplicates(
      embedded.map(({ at, path }) => [textOr(at['name'], 'quick'), [...path, 'name']]),
      'the embedded name',
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

const rangeRules = (profile: unknown): Finding[] => {
  const ranges = [...hostRanges(profile), ...podRanges(profile)];
  return ranges.flatMap((one, index) => {
    const clash = ranges.slice(0, index).find((earlier) => overlaps(one.range, earlier.range));
    return clash ? [finding(one.path, `${one.text} overlaps ${clash.text} of ${pathText(clash.path)}`)] : [];
  });
};

const networkRules = (profile: unknown): Finding[] => {
  const networks = list(mapping(profile, 'spec', 'cni')['networks']);
  const path = (index: number, key: string): Path => ['spec', 'cni', 'networks', index, key];
  return [
    ...duplicates(
      networks.map((network, index) => [mapping(network)['name'], path(index, 'name')]),
      'the network name',
    ),
    ...duplicates(
      networks.map((network, index) => [
        isMapping(network) ? (network['bridge'] ?? 'cni0') : undefined,
        path(index, 'bridge'),
      ]),
      'the bridge',
    ),
  ];
};

const runtimeRules = (profile: unknown): Finding[] =>
  duplicates(
    list(mapping(profile, 'spec')['ociRuntimes']).map((entry, index) => [
      mapping(entry)['name'],
      ['spec', 'ociRuntimes', index, 'name'],
    ]),
    'the runtime',
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

export const crossChecks = (profile: unknown): readonly Finding[] =>
  [hostRules, rangeRules, networkRules, runtimeRules, artifactRules, embeddedImageRules].flatMap((rule) =>
    rule(profile),
  );
