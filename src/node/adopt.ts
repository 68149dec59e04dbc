import { isDeepStrictEqual } from 'node:util';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import { fileAt } from '../host/facts/files.ts';
import { normalSpace } from '../host/facts/kernel.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import { tomlSettings } from './overrides.ts';
import { parseModules, parseSysctls } from './parsers.ts';

/** A value of the profile that says what the host has. */
export interface Adoption {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/** What can be taken over of one difference, and what of it cannot, in words. */
export interface Adoptable {
  readonly adoptions: readonly Adoption[];
  readonly refused: readonly string[];
}

type Reader = (text: string, spec: Spec, path: string) => Adoptable;

const readers: readonly (readonly [RegExp, Reader])[] = [
  [/^\/etc\/sysctl\.d\/90-berth\.conf$/, sysctlsFrom],
  [/^\/etc\/modules-load\.d\/berth\.conf$/, modulesFrom],
  [/^\/etc\/containers\/registries\.conf\.d\/zz-berth\.conf$/, registriesFrom],
  [/^\/etc\/cni\/net\.d\/\d+-[^/]+\.conflist$/, networkFrom],
  [/^\/etc\/crio\/crio\.conf\.d\/20-berth\.conf$/, crioFrom],
  [/^\/etc\/berth\/policy\.json$/, policyFrom],
];

/**
 * What the profile would have to say for the difference `id` (that of a change) to be none. Pure; nothing of it is known
 * to be valid before the profile was read with it.
 */
export function adoptionOf(id: string, facts: Facts, spec: Spec): Adoptable {
  const [kind = '', name = ''] = splitId(id);
  if (kind === 'sysctl') return kernelValue(name, facts);
  if (kind === 'packages') return packagesLeft(facts, spec);
  if (kind !== 'file') return refuse(`no key of the profile says ${id}`);
  const read = readers.find(([pattern]) => pattern.test(name))?.[1];
  if (read === undefined)
    return refuse(`${name}: no key of the profile says what is in it; use a template of your own`);
  const now = fileAt(facts.files, name);
  if (now.kind !== 'file' || now.text === undefined) return refuse(`${name}: there is no text on the host`);
  try {
    return read(now.text, spec, name);
  } catch (cause) {
    return refuse(
      `${name}: the host's text is not in its format: ${cause instanceof Error ? cause.message : cause}`,
    );
  }
}

const splitId = (id: string): [string, string] => {
  const colon = id.indexOf(':');
  return colon < 0 ? [id, ''] : [id.slice(0, colon), id.slice(colon + 1)];
};

const refuse = (...refused: string[]): Adoptable => ({ adoptions: [], refused });

/** As people write it: a number where the kernel's value is one. */
const sysctlValue = (text: string): string | number =>
  /^(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text;

function kernelValue(key: string, { kernel }: Facts): Adoptable {
  const value = kernel.sysctls.get(key)?.value;
  if (value === undefined) return refuse(`sysctl ${key}: the host's kernel has no such key`);
  return {
    adoptions: [{ path: ['spec', 'kernel', 'sysctls', key], value: sysctlValue(value) }],
    refused: [],
  };
}

function sysctlsFrom(text: string, { kernel }: Spec): Adoptable {
  const live = new Map([...parseSysctls(text)].map(([key, value]) => [key, normalSpace(value)]));
  const changed = [...live].filter(([key, value]) => normalSpace(kernel.sysctls[key] ?? '') !== value);
  const gone = Object.keys(kernel.sysctls).filter((key) => !live.has(key));
  return {
    adoptions: changed.map(([key, value]) => ({
      path: ['spec', 'kernel', 'sysctls', key],
      value: sysctlValue(value),
    })),
    refused: gone.map(
      (key) => `${key}: the host's file has lost it; take it out of spec.kernel.sysctls by hand`,
    ),
  };
}

/** In every profile, whatever it says. */
const neededModules = ['overlay', 'br_netfilter'];

function modulesFrom(text: string, { kernel }: Spec): Adoptable {
  const live = parseModules(text);
  const gone = neededModules.filter((name) => !live.includes(name));
  const wanted = live.filter((name) => !neededModules.includes(name));
  const now = kernel.modules.filter((name) => !neededModules.includes(name));
  return {
    adoptions: isDeepStrictEqual(wanted, now) ? [] : [{ path: ['spec', 'kernel', 'modules'], value: wanted }],
    refused: gone.map((name) => `kernel module ${name}: every node needs it`),
  };
}

const registriesForm = z.looseObject({
  'unqualified-search-registries': z.array(z.string()).default([]),
  registry: z
    .array(
      z.looseObject({
        prefix: z.string().optional(),
        location: z.string(),
        insecure: z.boolean().default(false),
        blocked: z.boolean().default(false),
        mirror: z
          .array(z.looseObject({ location: z.string(), insecure: z.boolean().default(false) }))
          .default([]),
      }),
    )
    .default([]),
});

function registriesFrom(text: string, { registries }: Spec): Adoptable {
  const live = registriesForm.parse(parseToml(text));
  const nameOf = ({ prefix, location }: (typeof live.registry)[number]) => prefix ?? location;
  const elsewhere = live.registry.filter((each) => nameOf(each) !== each.location);
  const mirrored = live.registry.filter(({ mirror }) => mirror.length > 0);
  const insecure = [
    ...live.registry.filter((each) => each.insecure).map(nameOf),
    ...live.registry.flatMap(({ mirror }) =>
      mirror.filter((each) => each.insecure).map(({ location }) => location),
    ),
  ];
  const made = {
    unqualifiedSearch: live['unqualified-search-registries'],
    insecure: inOrderOf(registries.insecure, insecure),
    blocked: inOrderOf(registries.blocked, live.registry.filter((each) => each.blocked).map(nameOf)),
    mirrors: mirrored.map((each) => ({
      registry: nameOf(each),
      mirrors: each.mirror.map(({ location }) => location),
    })),
  };
  return {
    adoptions: differences(['spec', 'registries'], made, registries),
    refused: elsewhere.map(
      (each) => `registry ${nameOf(each)}: the profile cannot say its location ${each.location}`,
    ),
  };
}

/** The order is the profile's own: only what is new comes behind. */
const inOrderOf = (known: readonly string[], live: readonly string[]): string[] => {
  const all = [...new Set(live)];
  return [...known.filter((name) => all.includes(name)), ...all.filter((name) => !known.includes(name))];
};

const differences = (
  under: readonly string[],
  made: Readonly<Record<string, unknown>>,
  known: object,
): Adoption[] =>
  Object.entries(made)
    .filter(([key, value]) => !isDeepStrictEqual(value, Reflect.get(known, key)))
    .map(([key, value]) => ({ path: [...under, key], value }));

const networkForm = z.looseObject({
  name: z.string(),
  plugins: z.tuple(
    [
      z.looseObject({
        type: z.literal('bridge'),
        bridge: z.string(),
        ipMasq: z.boolean(),
        ipam: z.looseObject({ ranges: z.array(z.tuple([z.looseObject({ subnet: z.string() })])) }),
      }),
    ],
    z.unknown(),
  ),
});

function networkFrom(text: string, { cni }: Spec, path: string): Adoptable {
  const live = networkForm.parse(JSON.parse(text));
  const index = Number(/(\d+)-/.exec(path)?.[1]) - 10;
  const network = cni.networks[index];
  if (network === undefined || network.name !== live.name)
    return refuse(`${path}: the profile has no network ${live.name} in this place`);
  const [bridge] = live.plugins;
  const byPlugin = network.masquerade === 'plugin';
  const made = {
    bridge: bridge.bridge,
    subnets: bridge.ipam.ranges.map(([{ subnet }]) => subnet),
    masquerade: bridge.ipMasq === byPlugin ? network.masquerade : bridge.ipMasq ? 'plugin' : 'node',
  };
  return {
    adoptions: differences(['spec', 'cni', 'networks', String(index)], made, network).map(numbered),
    refused: [],
  };
}

/** Places in lists are numbers in a path. */
const numbered = ({ path, value }: Adoption): Adoption => ({
  path: path.map((part) => (typeof part === 'string' && /^\d+$/.test(part) ? Number(part) : part)),
  value,
});

const crioForm = z.looseObject({
  crio: z.looseObject({
    runtime: z.looseObject({
      default_runtime: z.string(),
      runtimes: z.record(z.string(), z.unknown()),
    }),
    network: z.looseObject({ plugin_dirs: z.array(z.string()) }),
  }),
});

const crioKeys = /^crio\.(runtime\.(default_runtime$|runtimes\.)|network\.plugin_dirs$)/;

function crioFrom(text: string, spec: Spec): Adoptable {
  const { runtime, network } = crioForm.parse(parseToml(text)).crio;
  const others = Object.keys(runtime.runtimes).filter((name) => name !== runtime.default_runtime);
  const runtimes = inOrderOf(
    spec.ociRuntimes.map(({ name }) => name).filter((name) => name !== runtime.default_runtime),
    others,
  );
  const ociRuntimes = [runtime.default_runtime, ...runtimes].map((name) => ({ name }));
  const unsaid = [...tomlSettings(text).keys()].filter((key) => !crioKeys.test(key) && !known.has(key));
  return {
    adoptions: [
      ...differences(['spec'], { ociRuntimes }, spec),
      ...differences(['spec', 'cni'], { pluginDirs: network.plugin_dirs }, spec.cni),
    ],
    refused: unsaid.map(
      (key) => `${key}: no key of the profile says it; put it into a drop-in such as 50-local.conf`,
    ),
  };
}

/** What berth writes into it by itself. */
const known = new Set([
  'crio.api.listen',
  'crio.runtime.cgroup_manager',
  'crio.image.signature_policy',
  'crio.image.global_auth_file',
  'crio.network.cni_default_network',
  'crio.network.network_dir',
]);

const policyForm = z.strictObject({
  default: z.tuple([z.strictObject({ type: z.enum(['insecureAcceptAnything', 'reject']) })]),
});

function policyFrom(text: string, { policy }: Spec): Adoptable {
  const [{ type }] = policyForm.parse(JSON.parse(text)).default;
  const made = { default: type === 'reject' ? 'reject' : 'accept' };
  return { adoptions: differences(['spec', 'policy'], made, policy), refused: [] };
}

/** Packages that were removed on the host need not come back when the profile alone asks for them. */
function packagesLeft({ packages }: Facts, spec: Spec): Adoptable {
  const isThere = (name: string) => packages.packages.get(name)?.state === 'installed';
  const extra = spec.packages.extra.filter(isThere);
  const absent = [...packages.packages].flatMap(([name, { state }]) => (state === 'installed' ? [] : [name]));
  const needed = absent.filter((name) => !spec.packages.extra.includes(name));
  return {
    adoptions: differences(['spec', 'packages'], { extra }, spec.packages),
    refused: needed.map((name) => `package ${name}: a node needs it`),
  };
}
