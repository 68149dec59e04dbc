import { buildProfile, type HostParts } from './build-profile.ts';
import { conform } from './conform.ts';
import { documentRules, specRules, takenByHosts, writtenRules } from './cross-checks.ts';
import type { Finding } from './finding.ts';
import { gatherSources, type ReadText } from './includes.ts';
import { merge } from './merge.ts';
import { badProfile, type Problem } from './problem.ts';
import type { Profile, ProfileSources, SourceText } from './profile.ts';
import { type ResolvedHost, type ResolvedProfile, resolveHosts } from './resolve-hosts.ts';
import { accessSchema, type HostForm, profileSchema, type SpecForm, specSchema } from './schema.ts';
import { parseSource, problemAt, type Source } from './source.ts';
import { childOf, isList, locate, type Tree, treeAt, treeOf } from './tree.ts';
import { mentionsVariables, type Variables } from './variables.ts';

/** The path by which the profile is known: its own file, not those that it includes. */
export const profileFile = (files: readonly SourceText[]): string =>
  (files.find(({ role }) => role === 'profile') ?? files[0])?.file ?? '';

/** One value of several files: later ones laid over earlier ones. What the whole lacks, the profile's own file lacks. */
const joined = (sources: readonly Source[]): Tree => {
  const [first, ...rest] = sources.map(treeOf);
  if (first === undefined) throw new Error('a profile has at least one file');
  const whole = rest.reduce((under, over) => merge(under, over, profileSchema), first);
  const own = sources.find(({ role }) => role === 'profile');
  return own === undefined ? whole : { ...whole, place: treeOf(own).place };
};

/** NAME=VALUE of the command line, each a file of its own for messages. */
const setVariables = (set: readonly string[]): Variables =>
  new Map(
    set.map((text): [string, Tree] => {
      const cut = text.indexOf('=');
      const name = text.slice(0, cut);
      const { source } = parseSource({ file: '--set', text, role: 'overlay' });
      const offset = cut + 1;
      const place = { source, path: ['vars', name], keyOffset: 0, offset, aliased: false };
      return [name, { place, value: text.slice(offset), overrides: [] }];
    }),
  );

const problemOf = (tree: Tree, finding: Finding): Problem => {
  const { source, offset, where } = locate(tree, finding);
  return problemAt(source, offset, where === '' ? finding.message : `${where}: ${finding.message}`);
};

/** Resolves the sources of a profile into its hosts; what is wrong on the way comes as problems. */
export const resolveSources = (sources: ProfileSources): ResolvedProfile => {
  const parsed = sources.files.map(parseSource);
  const file = profileFile(sources.files);
  const problems = parsed.flatMap((one) => one.problems);
  if (parsed.some(({ usable }) => !usable)) throw badProfile(file, problems);
  const root = joined(parsed.map(({ source }) => source));
  const complain = (tree: Tree, message: string): void => {
    problems.push(problemOf(tree, { path: [], at: 'value', message }));
  };
  const { external } = sources;
  const hosts = resolveHosts(root, { external, set: setVariables(sources.set), complain });
  return { file, sources, root, hosts, problems };
};

/** What the document says with variables still in it is judged where they are replaced. */
const namesVariables = (root: Tree, { path }: Finding): boolean =>
  mentionsVariables(treeAt(root, path)?.value);

/** A text whose variables could not be replaced was complained about. */
const isBroken = (tree: Tree, { path }: Finding): boolean => {
  const found = treeAt(tree, path);
  return found?.written !== undefined && found.value === null;
};

/** The document with its hosts as they were resolved. */
const withHosts = (root: Tree, hosts: readonly ResolvedHost[]): Tree => {
  const list = childOf(root, 'hosts');
  if (!isList(list) || !(root.value instanceof Map)) return root;
  const value = list.value.map(
    (host, index) => hosts.find((resolved) => resolved.index === index)?.tree ?? host,
  );
  return { ...root, value: new Map([...root.value, ['hosts', { ...list, value }]]) };
};

interface Checked {
  readonly host: ResolvedHost;
  readonly access: HostForm | undefined;
  readonly spec: SpecForm | undefined;
}

/** Checks and builds a profile. @throws Fail `BadProfile` with every problem at once: see `problemsOf`. */
export const profileOf = (resolved: ResolvedProfile): Profile => {
  const { root, hosts, file } = resolved;
  const problems = [...resolved.problems];
  const report = (tree: Tree, findings: readonly Finding[]): void => {
    for (const finding of findings) if (!isBroken(tree, finding)) problems.push(problemOf(tree, finding));
  };
  const whole = conform(profileSchema, root);
  report(
    root,
    whole.findings.filter((finding) => !namesVariables(root, finding)),
  );
  report(root, writtenRules(root));
  const document = withHosts(root, hosts);
  report(document, documentRules(document));
  const taken = takenByHosts(document);
  const specs = new Map<Tree | undefined, SpecForm | undefined>();
  const checkSpec = (tree: Tree): SpecForm | undefined => {
    const spec = childOf(tree, 'spec');
    if (spec !== undefined && specs.has(spec)) return specs.get(spec);
    const conformed = conform(specSchema, spec ?? { ...tree, value: new Map() });
    report(tree, conformed.findings.map(inSpec));
    report(tree, specRules(tree, taken));
    if (spec !== undefined) specs.set(spec, conformed.form);
    return conformed.form;
  };
  // Without hosts what the profile says of all of them is still worth looking at.
  if (hosts.length === 0) checkSpec(root);
  const checked = hosts.map((host): Checked => {
    const access = conform(accessSchema, withoutSpec(host.tree));
    report(host.tree, access.findings);
    return { host, access: access.form, spec: checkSpec(host.tree) };
  });
  if (problems.length > 0) throw badProfile(file, problems);
  return buildProfile(resolved, checked.map(complete));
};

const inSpec = (finding: Finding): Finding => ({ ...finding, path: ['spec', ...finding.path] });

const withoutSpec = (tree: Tree): Tree =>
  tree.value instanceof Map
    ? { ...tree, value: new Map([...tree.value].filter(([key]) => key !== 'spec')) }
    : tree;

const complete = ({ host, access, spec }: Checked): HostParts => {
  if (access !== undefined && spec !== undefined) return { host, access, spec };
  throw new Error('a profile without problems has the form of one');
};

/**
 * Parses the text of a profile that stands for itself: nothing is included, and no variable comes from outside. `file` is
 * for messages and for paths, which are relative to its folder.
 * @throws Fail `BadProfile` with every problem at once: see `problemsOf`.
 */
export const parseProfile = (text: string, file: string): Profile => {
  const read: ReadText = () => ({ why: 'the profile is no file here that others could lie beside' });
  const { sources } = gatherSources([{ file, text, role: 'profile' }], read);
  return profileOf(resolveSources({ files: sources, set: [], external: new Map() }));
};
