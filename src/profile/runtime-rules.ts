import { finding, list, type Mapping, mapping } from './as-written.ts';
import type { Finding } from './finding.ts';

/* Rules about engines, runtimes and plugins that span several keys. */

/** Of CRI-O, and the sources with which each means something. */
const keysOfCrio: Readonly<Record<string, readonly string[]>> = {
  version: ['packages', 'upstream', 'static', 'source'],
  source: ['packages', 'upstream', 'static', 'source'],
  sha256: ['static'],
  buildTags: ['source'],
  repository: ['upstream'],
  keySha256: ['upstream'],
};

function engineRules(spec: Mapping): Finding[] {
  const engine = mapping(spec['engine']);
  const given = Object.keys(engine).filter((key) => key in keysOfCrio);
  if ((engine['name'] ?? 'berth') === 'berth')
    return given.map((key) =>
      finding(['spec', 'engine', key], 'is for the engine cri-o; berth comes with itself', 'key'),
    );
  if (engine['name'] !== 'cri-o') return [];
  const source = engine['source'] ?? 'upstream';
  if (typeof source !== 'string') return [];
  const misplaced = given
    .filter((key) => !keysOfCrio[key]?.includes(source))
    .map((key) =>
      finding(
        ['spec', 'engine', key],
        `means nothing with source: ${source}; it is for ${keysOfCrio[key]?.join(', ')}`,
        'key',
      ),
    );
  const { version } = engine;
  const isPatch = typeof version === 'string' && /^\d+\.\d+\.\d+/.test(version);
  const needsPatch = source === 'static' || source === 'source';
  if (version === undefined && source !== 'packages')
    return [
      ...misplaced,
      finding(
        ['spec', 'engine', 'name'],
        `lacks its release; add version: ${needsPatch ? '1.35.2' : '"1.35"'} beside it`,
      ),
    ];
  if (typeof version === 'string' && needsPatch && !isPatch)
    return [
      ...misplaced,
      finding(
        ['spec', 'engine', 'version'],
        `"${version}" is no single release: source: ${source} takes all three numbers, as in 1.35.2`,
      ),
    ];
  return misplaced;
}

/** Without a checksum of the project's own, the profile has to name one. */
const needsChecksum: readonly string[] = ['crun', 'kata'];

/** In which ways a runtime can come, besides packages. */
const waysOf: Readonly<Record<string, readonly string[]>> = {
  runc: ['package', 'release', 'source'],
  crun: ['package', 'release'],
  runsc: ['package', 'release', 'source'],
  kata: ['package', 'release'],
  'bwrap-oci': ['package', 'source'],
};

function runtimeRules(spec: Mapping): Finding[] {
  return list(spec['ociRuntimes']).flatMap((entry, index): Finding[] => {
    const at = (key: string) => ['spec', 'ociRuntimes', index, key];
    const { name, source = 'package', version, sha256, args } = mapping(entry);
    if (typeof name !== 'string' || typeof source !== 'string') return [];
    const known = waysOf[name];
    if (known === undefined) return [];
    if (!known.includes(source))
      return [finding(at('source'), `${name} does not come as ${source}: name ${known.join(' or ')}`)];
    return [
      ...(source !== 'package' && version === undefined
        ? [finding(at('name'), `lacks the release to take as ${source}; add version beside it`)]
        : []),
      ...(source === 'package' && sha256 !== undefined
        ? [finding(at('sha256'), 'means nothing for a package: its repository signs it', 'key')]
        : []),
      ...(needsPin(name, source) && Object.keys(mapping(sha256)).length === 0
        ? [finding(at('name'), `publishes no checksum; add sha256: { x64: … } of its file beside it`)]
        : []),
      ...(list(args).length > 0 && mapping(spec['engine'])['name'] === 'cri-o'
        ? [
            finding(
              at('args'),
              'CRI-O gives a runtime no words of its own: write them into a wrapper script',
              'key',
            ),
          ]
        : []),
    ];
  });
}

const needsPin = (name: string, source: string): boolean =>
  (source === 'release' && needsChecksum.includes(name)) || (source === 'source' && name === 'bwrap-oci');

function cniRules(spec: Mapping): Finding[] {
  const cni = mapping(spec['cni']);
  const plugins = mapping(cni['plugins']);
  const { source = 'package', version } = plugins;
  return [
    ...(cni['provider'] === 'other' && cni['networks'] !== undefined
      ? [finding(['spec', 'cni', 'networks'], 'another CNI makes the networks: provider is other', 'key')]
      : []),
    ...(source !== 'package' && version === undefined && typeof source === 'string'
      ? [finding(['spec', 'cni', 'plugins', 'source'], `is ${source}: add version, the release to take`)]
      : []),
  ];
}

/** `profile`: a host's document, as it was written. */
export const engineAndRuntimeRules = (profile: unknown): Finding[] => {
  const spec = mapping(mapping(profile)['spec']);
  return [...engineRules(spec), ...runtimeRules(spec), ...cniRules(spec)];
};
