import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { below, isPath } from './known-keys.ts';
import { merge } from './merge.ts';
import type { Problem } from './problem.ts';
import type { ProfileSources } from './profile.ts';
import { accessSchema, specSchema } from './schema.ts';
import { childOf, isList, isMapping, type Tree } from './tree.ts';
import { type External, substitute, type Variables } from './variables.ts';

/** A host with everything that the profile says of it, from wherever it says so. */
export interface ResolvedHost {
  /** `hosts[index]` of the profile. */
  readonly index: number;
  /** Name, way and sudo, and under `spec` what the host should be. Hosts of which the same is said share that. */
  readonly tree: Tree;
  readonly groups: readonly string[];
}

/** The profile as one value, and each host of it. */
export interface ResolvedProfile {
  readonly file: string;
  readonly sources: ProfileSources;
  readonly root: Tree;
  readonly hosts: readonly ResolvedHost[];
  readonly problems: readonly Problem[];
}

export interface Resolution {
  readonly external: External;
  /** Values of variables from the command line, which win over all others. */
  readonly set: Variables;
  readonly complain: (tree: Tree, message: string) => void;
}

/** The profile's own part of the precedence: base, then groups in the order of the host, then the host. */
const layers = (root: Tree, groups: readonly string[], host: Tree): readonly Tree[] => {
  const named = childOf(root, 'groups');
  return [...groups.flatMap((name) => childOf(named, name) ?? []), host];
};

const laid = (trees: readonly (Tree | undefined)[], schema: z.core.$ZodType | undefined): Tree | undefined =>
  trees.reduce<Tree | undefined>(
    (under, over) => (over === undefined ? under : merge(under, over, schema)),
    undefined,
  );

export const groupNames = (host: Tree): readonly string[] => {
  const groups = childOf(host, 'groups');
  return isList(groups)
    ? groups.value.flatMap(({ value }) => (typeof value === 'string' ? [value] : []))
    : [];
};

const variablesIn = (tree: Tree | undefined): Variables => {
  const vars = childOf(tree, 'vars');
  return isMapping(vars) ? vars.value : new Map();
};

const laidVariables = (levels: readonly Variables[]): Variables => {
  const all = new Map<string, Tree>();
  for (const level of levels)
    for (const [name, tree] of level) {
      const under = all.get(name);
      const overrides = under === undefined ? [] : [under, ...under.overrides];
      all.set(name, { ...tree, overrides: [...tree.overrides, ...overrides] });
    }
  return all;
};

/** Every name that is declared, and where. */
const declarations = (root: Tree, hosts: readonly Tree[]): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  const add = (tree: Tree, where: string): void => {
    for (const name of variablesIn(tree).keys()) found.set(name, where);
  };
  for (const host of hosts) add(host, `the host ${String(childOf(host, 'name')?.value)}`);
  const groups = childOf(root, 'groups');
  if (isMapping(groups)) for (const [name, group] of groups.value) add(group, `the group ${name}`);
  return found;
};

/** Of the profile, its groups and its hosts. */
export const declaredVariables = (root: Tree): readonly string[] => {
  const list = childOf(root, 'hosts');
  const hosts = isList(list) ? list.value : [];
  return [...variablesIn(root).keys(), ...declarations(root, hosts).keys()];
};

/** Files are relative to the file in which they stand; `~/` is the home folder. */
const absolute = (tree: Tree, schema: z.core.$ZodType | undefined): Tree => {
  if (schema === undefined) return tree;
  const { value } = tree;
  if (typeof value === 'string')
    return isPath(schema) && value !== ''
      ? { ...tree, value: absolutePath(value, tree.place.source.file) }
      : tree;
  if (isMapping(tree)) {
    const entries = [...tree.value].map(([key, child]): [string, Tree] => [
      key,
      absolute(child, below(schema, key)),
    ]);
    return { ...tree, value: new Map(entries) };
  }
  return isList(tree)
    ? { ...tree, value: tree.value.map((child, index) => absolute(child, below(schema, index))) }
    : tree;
};

const absolutePath = (path: string, file: string): string =>
  path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(dirname(file), path);

const sharedKeys = ['sudo', 'sudoPassword'] as const;

/** Keys of a host that are not its own words alone, or no part of the way to it. */
const otherKeys: readonly string[] = ['ssh', 'gce', 'groups', 'vars', 'spec', ...sharedKeys];

/** Ways that defaults and groups may say something of. */
const sharedWays = ['ssh', 'gce'] as const;

/** What defaults and groups say of the ways to a host that it does not go is nothing to it. */
const accessOf = (
  root: Tree,
  host: Tree & { value: ReadonlyMap<string, Tree> },
  layered: readonly Tree[],
): Map<string, Tree> => {
  const own = [...host.value].filter(([key]) => !otherKeys.includes(key));
  const lower = [childOf(root, 'defaults'), ...layered];
  const under = (key: string) =>
    laid(
      lower.map((layer) => childOf(layer, key)),
      below(accessSchema, key),
    );
  const shared = sharedKeys.flatMap((key) => entry(key, under(key)));
  const ways = sharedWays.flatMap((way) => (childOf(host, way) === undefined ? [] : entry(way, under(way))));
  return new Map([...own, ...ways, ...shared]);
};

const entry = (key: string, tree: Tree | undefined): [string, Tree][] =>
  tree === undefined ? [] : [[key, tree]];

/** Resolves each host that has the shape of one: groups laid over the base, the host over its groups, variables replaced. */
export const resolveHosts = (root: Tree, resolution: Resolution): readonly ResolvedHost[] => {
  const list = childOf(root, 'hosts');
  const hosts = isList(list) ? list.value : [];
  const everywhere = declarations(root, hosts);
  const specs = new Map<string, Tree | undefined>();
  const makeSpec = (layered: readonly Tree[], variables: Variables): Tree | undefined => {
    const spec = laid(
      [root, ...layered].map((layer) => childOf(layer, 'spec')),
      specSchema,
    );
    return spec === undefined ? undefined : replaced(spec, variables, specSchema);
  };
  const replaced = (tree: Tree, variables: Variables, schema: z.core.$ZodType): Tree =>
    absolute(substitute(tree, { variables, everywhere, ...resolution }), schema);

  return hosts.flatMap((host, index): ResolvedHost[] => {
    if (!isMapping(host)) return [];
    const groups = groupNames(host);
    const layered = layers(root, groups, host);
    const levels = [variablesIn(root), ...layered.map(variablesIn), resolution.set];
    const variables = laidVariables(levels);
    const isPlain = childOf(host, 'spec') === undefined && variablesIn(host).size === 0;
    const key = isPlain ? groups.join('\0') : `host ${index}`;
    if (!specs.has(key)) specs.set(key, makeSpec(layered, variables));
    const access = replaced({ ...host, value: accessOf(root, host, layered) }, variables, accessSchema);
    const value = new Map([...(isMapping(access) ? access.value : []), ...entry('spec', specs.get(key))]);
    return [{ index, groups, tree: { ...access, value } }];
  });
};
