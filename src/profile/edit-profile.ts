import { isDeepStrictEqual } from 'node:util';
import { Fail } from '../core/fail.ts';
import { conform } from './conform.ts';
import { appendToYaml, commentInYaml, removeFromYaml, setInYaml } from './edit-yaml.ts';
import { pathText } from './finding.ts';
import { resolveSources } from './parse-profile.ts';
import type { ProfileSources, SourceText } from './profile.ts';
import type { ResolvedProfile } from './resolve-hosts.ts';
import { specSchema } from './schema.ts';
import { childOf, type Path, plainOf, type Tree, treeAt } from './tree.ts';
import { valueAt } from './value-at.ts';
import { withValue } from './with-value.ts';

/** A file of the profile with its new text. */
export interface Edited {
  readonly file: string;
  readonly text: string;
}

/**
 * Sets a value of the profile where the profile says it: in the file, group or host that decides it now. `path` is one
 * of the host, as in `['spec', 'kernel', 'sysctls', 'vm.swappiness']`; without a host it is one of the profile. What stands
 * nowhere yet is said of the host, or of the profile when that has no other. Comments and order stay.
 * @throws Fail `BadUsage` when the value comes through a variable or an alias, or there is no such host.
 */
export const setInProfile = (
  sources: ProfileSources,
  host: string | undefined,
  path: readonly (string | number)[],
  value: unknown,
): Edited => {
  const resolved = resolveSources(sources);
  const tree = treeFor(resolved, host);
  const target = decides(tree, path) ?? newPlace(resolved, host, tree, path, value);
  const own = sources.files.find(({ file }) => file === target.file);
  if (own === undefined) throw indirect(path, `is set by ${target.file}`, 'change it there');
  const edited = { file: own.file, text: setInYaml(own.text, target.path, target.value ?? value) };
  requireEffect(withEdit(sources, edited), host, path, value);
  return edited;
};

/**
 * Adds entries to a list of the profile, in the file that has it: all at once, because each edit reads everything again.
 * @throws Fail `BadUsage` when the list comes through a variable or an alias
 */
export const appendInProfile = (sources: ProfileSources, path: Path, values: readonly unknown[]): Edited => {
  const target = decides(resolveSources(sources).root, path);
  const own = sources.files.find(({ file }) => file === target?.file);
  if (target === undefined || own === undefined) return setInProfile(sources, undefined, path, values);
  return { file: own.file, text: appendToYaml(own.text, target.path, values) };
};

/** Says above a key of the profile what it is for, where nobody has said anything. */
export const commentInProfile = (
  sources: ProfileSources,
  path: Path,
  comment: string,
): Edited | undefined => {
  const target = decides(resolveSources(sources).root, path);
  const own = sources.files.find(({ file }) => file === target?.file);
  if (target === undefined || own === undefined) return undefined;
  return { file: own.file, text: commentInYaml(own.text, target.path, comment) };
};

/**
 * Takes away what the profile says at a path of its own; what stands nowhere is left as it is. Comments of what stays and
 * order stay.
 * @throws Fail `BadUsage` when the value comes through a variable or an alias
 */
export const removeFromProfile = (sources: ProfileSources, path: Path): Edited | undefined => {
  const target = decides(resolveSources(sources).root, path);
  const own = sources.files.find(({ file }) => file === target?.file);
  if (target === undefined || own === undefined) return undefined;
  return { file: own.file, text: removeFromYaml(own.text, target.path) };
};

/** The sources with an edited file in its place, for the next edit. */
export const withEdit = (sources: ProfileSources, { file, text }: Edited): ProfileSources => ({
  ...sources,
  files: sources.files.map((one): SourceText => (one.file === file ? { ...one, text } : one)),
});

const treeFor = ({ root, hosts, file }: ResolvedProfile, host: string | undefined): Tree => {
  if (host === undefined) return root;
  const found = hosts.find(({ tree }) => childOf(tree, 'name')?.value === host);
  if (found !== undefined) return found.tree;
  const known = hosts.map(({ tree }) => String(childOf(tree, 'name')?.value)).join(', ');
  throw new Fail('BadUsage', `${file} has no host ${host}`, { hint: `it has ${known}` });
};

interface Target {
  readonly file: string;
  readonly path: Path;
  /** What to write there, when it is more than the value. */
  readonly value?: unknown;
}

/** Where the value stands; undefined: nowhere. */
const decides = (root: Tree, path: Path): Target | undefined => {
  let tree: Tree | undefined = root;
  for (const part of path) {
    tree = childOf(tree, part);
    if (tree === undefined) return undefined;
    if (tree.written !== undefined)
      throw indirect(path, `comes through a variable (${tree.written})`, 'change the variable instead');
    if (tree.place.aliased)
      throw indirect(path, 'comes through an alias of YAML', 'change what the anchor says instead');
  }
  return { file: tree.place.source.file, path: tree.place.path };
};

const indirect = (path: Path, what: string, remedy: string): Fail =>
  new Fail('BadUsage', `${pathText(path)} ${what}, and cannot be set by itself`, { hint: remedy });

/**
 * A value that was a default so far. Within a list that stands nowhere, the whole list must be said; within one that
 * stands somewhere, the entry lies in the file that has the list.
 */
const newPlace = (
  { root, hosts, file }: ResolvedProfile,
  host: string | undefined,
  tree: Tree,
  path: Path,
  value: unknown,
): Target => {
  const index = path.findIndex((part) => typeof part === 'number');
  const inList = index > 0 ? path.slice(0, index) : undefined;
  const list = inList === undefined ? undefined : decides(tree, inList);
  if (list !== undefined) return { ...list, path: [...list.path, ...path.slice(index)] };
  const isOfAll = host === undefined || (hosts.length === 1 && path[0] === 'spec');
  const mapping = isOfAll ? root : hostMapping(root, tree);
  const at = { file: mapping === root ? file : mapping.place.source.file, path: mapping.place.path };
  if (inList === undefined) return { ...at, path: [...at.path, ...path] };
  const whole = withValue(effective(tree, inList), path.slice(index), value);
  return { ...at, path: [...at.path, ...inList], value: whole };
};

/** The host as the profile writes it. */
const hostMapping = (root: Tree, tree: Tree): Tree => treeAt(root, tree.place.path) ?? tree;

/** What the spec of a host or a profile means at a path that begins with it, defaults included. */
export const effective = (tree: Tree, [part, ...rest]: Path): unknown => {
  if (part !== 'spec') return undefined;
  const { form } = conform(specSchema, childOf(tree, 'spec') ?? { ...tree, value: new Map() });
  return valueAt(form ?? specSchema.parse({}), rest);
};

/** An edit that another file or group stands before would change nothing. */
const requireEffect = (
  sources: ProfileSources,
  host: string | undefined,
  path: Path,
  value: unknown,
): void => {
  const found = treeAt(treeFor(resolveSources(sources), host), path);
  const isSet = found !== undefined && isDeepStrictEqual(plainOf(found), value);
  if (!isSet) throw indirect(path, 'is decided in more than one place', 'edit the files by hand');
};
