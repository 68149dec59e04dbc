import { parseReference } from '../../profile/image-reference.ts';
import type { Spec } from '../../profile/profile.ts';
import { engineOf } from './engine.ts';
import { podForms } from './pod.ts';

/** Registries that the profile names, as `host` or `host:port`, the likeliest to be reachable first. */
const registriesOf = ({ verify, registries }: Spec): string[] => {
  const image = parseReference(verify.image);
  const ofImage = typeof image === 'string' ? undefined : image.registry;
  const mirrors = registries.mirrors.flatMap((entry) => entry.mirrors);
  const named = [ofImage, ...mirrors, ...registries.unqualifiedSearch];
  // A mirror may be a prefix with a path.
  return [...new Set(named.flatMap((name) => name?.split('/')[0] ?? []))].filter((name) => !isLoopback(name));
};

const isLoopback = (name: string): boolean => /^(localhost|127\.|\[::1\])/.test(name);

const withPort = (registry: string): string => (/:\d+$/.test(registry) ? registry : `${registry}:443`);
const isAddress = (name: string): boolean => /^[\d.]+$|^\[/.test(name);

/** Of pod addresses: `4`, `6` or both. Another CNI is asked in the way that all know. */
const familiesOf = ({ cni }: Spec): string => {
  const subnets = cni.networks[0]?.subnets ?? ['0.0.0.0/0'];
  return [...new Set(subnets.map((subnet) => (subnet.includes(':') ? '6' : '4')))].toSorted().join(' ');
};

/** What the scripts are told, in the form that inputs.sh reads. `value` is what redis keeps for this run. */
export const inputOf = (spec: Spec, uid: string, value: string): string => {
  const registries = registriesOf(spec);
  const names = registries.map((name) => name.replace(/:\d+$/, '')).filter((name) => !isAddress(name));
  const values: Readonly<Record<string, string>> = {
    engine: spec.engine.name,
    units: engineOf(spec).units.join(' '),
    families: familiesOf(spec),
    runtimes: spec.ociRuntimes.map(({ name }) => name).join(' '),
    'plugin-folders': spec.cni.pluginDirs.join(' '),
    level: spec.verify.level,
    kubernetes: spec.kubernetes?.role ?? 'no',
    image: spec.verify.image,
    value,
    'host-port': String(spec.verify.hostPort),
    names: [...new Set(names)].join(' '),
    targets: registries.map(withPort).join(' '),
  };
  const forms = Object.entries(podForms(spec.verify.image, uid)).map(
    ([name, form]) => `${name} ${JSON.stringify(form)}`,
  );
  const lines = [...Object.entries(values).map(([name, text]) => `${name} ${text}`), ...forms];
  return `${lines.join('\n')}\n.\n`;
};
