import { diffArrays } from 'diff';
import type { ExplainedFile } from '../core/explanation.ts';
import { Fail } from '../core/fail.ts';
import { Secret } from '../core/secret.ts';
import { type Facts, type ProbeRequest, parseFacts } from '../host/facts/probe.ts';
import type { SecretSource, Spec } from '../profile/profile.ts';
import type { Change } from '../resources/change.ts';
import { wantedArtifacts } from './artifacts.ts';
import type { Supplies } from './concern.ts';
import { planNode, probeRequest } from './node.ts';
import { parserOf } from './parsers.ts';
import type { Render } from './templates.ts';

export interface Trace {
  readonly files: readonly ExplainedFile[];
  /** What else is done to a host for its sake, in words. */
  readonly deeds: readonly string[];
  /** Whole texts of all files of the node, by path. */
  readonly texts: ReadonlyMap<string, string>;
  /** Everything that makes a node of a bare host. */
  readonly changes: readonly Change[];
}

/** Neither has to be made or fetched to see what files say. */
const supplies: Supplies = {
  release: { version: 'VERSION', files: [] },
  crictl: { path: '/', sha256: '', bytes: 0 },
  artifacts: new Map(),
};

/**
 * What a value of the spec decides about, found by rendering the node with this value and with another one: no table says
 * it, so none can be wrong. `others` are specs with other values; what differs with any of them counts.
 */
export const traceOf = (
  spec: Spec,
  others: readonly Spec[],
  render: Render,
  facts: Facts | undefined,
): Trace => {
  const made = changesFor(spec, render, facts);
  const files = new Map<string, ExplainedFile>();
  const deeds = new Set<string>();
  for (const other of others) {
    const changed = changesIfPossible(other, render, facts);
    if (changed === undefined) continue;
    for (const file of changedFiles(made.texts, changed.texts))
      files.set(file.path, joined(files.get(file.path), file));
    for (const [id, deed] of made.deeds)
      if (changed.deeds.get(id)?.same !== deed.same) deeds.add(deed.summary);
  }
  return { files: [...files.values()], deeds: [...deeds], texts: made.texts, changes: made.changes };
};

/** Another value may be one that the host cannot have, such as a runtime that needs what it lacks: it tells nothing. */
const changesIfPossible = (...asked: Parameters<typeof changesFor>) => {
  try {
    return changesFor(...asked);
  } catch (error) {
    if (error instanceof Fail && error.code === 'Unsupported') return undefined;
    throw error;
  }
};

const joined = (one: ExplainedFile | undefined, other: ExplainedFile): ExplainedFile => {
  if (one === undefined) return other;
  const lines = new Map([...one.lines, ...other.lines].map((line) => [line.number, line]));
  return {
    path: one.path,
    lines: [...lines.values()].sort((first, second) => first.number - second.number),
    settings: [...new Set([...one.settings, ...other.settings])],
  };
};

interface Made {
  readonly changes: readonly Change[];
  readonly texts: ReadonlyMap<string, string>;
  readonly deeds: ReadonlyMap<string, { readonly summary: string; readonly same: string }>;
}

const changesFor = (spec: Spec, render: Render, facts: Facts | undefined): Made => {
  const request = probeRequest(spec, render);
  const { changes } = planNode({
    spec,
    facts: untouched(request, facts),
    supplies,
    render,
    secrets: unreadSecrets(spec),
  });
  const texts = changes.flatMap(({ steps }) =>
    steps.flatMap((step): [string, string][] =>
      step.kind === 'write' && step.content.kind === 'text' ? [[step.path, step.content.text]] : [],
    ),
  );
  const deeds = changes
    .filter(isDeed)
    .map(({ id, summary, steps }): [string, { summary: string; same: string }] => [
      id,
      // What a host that nobody asked has is not known.
      { summary: summary.replace(` (was ${unknownValue})`, ''), same: JSON.stringify(steps) },
    ]);
  return { changes, texts: new Map(texts), deeds: new Map([...deeds, ...programsOf(spec)]) };
};

/** Programs are neither made nor fetched to explain a value: which ones, and from where, is what it decides. */
const programsOf = (spec: Spec): [string, { summary: string; same: string }][] =>
  wantedArtifacts(spec).map(({ name, version, sources }) => [
    `program:${name}`,
    { summary: `bring ${name} ${version}`, same: JSON.stringify([version, sources]) },
  ]);

const isDeed = ({ id, steps }: Change): boolean =>
  steps.every((step) => step.kind === 'run') && !/^(units|restart|start|enable):/.test(id);

/** What logins are is told nowhere; that they are there is enough. */
const unread = new Secret('a secret that nobody read');
const unreadSecrets = ({ registries, proxy }: Spec): ReadonlyMap<SecretSource, Secret> =>
  new Map([
    ...registries.auth.map(({ password }) => [password, unread] as const),
    ...[proxy.http, proxy.https].flatMap((address) =>
      typeof address === 'object' ? [[address, unreadAddress] as const] : [],
    ),
  ]);

const unreadAddress = Secret.around('http://unread.invalid');

/** A host on which nothing was done yet: as the real one, where that was asked. */
const untouched = (request: ProbeRequest, facts: Facts | undefined): Facts => {
  const bare = parseFacts(bareTopics(request), request);
  if (facts === undefined) return bare;
  return { ...bare, system: facts.system, kernel: { ...bare.kernel, hasModuleTree: true } };
};

const unknownValue = '?';

const bareTopics = (request: ProbeRequest): Map<string, string[][]> =>
  new Map([
    [
      'system',
      [
        ['machine', 'x86_64'],
        ['systemd', '252'],
        ['cgroup', 'v2'],
      ],
    ],
    ['packages', [['manager', 'apt']]],
    [
      'kernel',
      [
        ['tree'],
        ...request.modules.map((name) => ['module', name, 'available']),
        ...request.sysctls.map((key) => ['sysctl', key, 'yes', unknownValue]),
      ],
    ],
  ]);

const changedFiles = (
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): ExplainedFile[] =>
  [...before].flatMap(([path, text]) => {
    const other = after.get(path);
    if (other === text) return [];
    return [
      {
        path,
        lines: other === undefined ? allLines(text) : changedLines(text, other),
        settings: changedSettings(path, text, other),
      },
    ];
  });

const allLines = (text: string): ExplainedFile['lines'] =>
  text
    .trimEnd()
    .split('\n')
    .map((line, index) => ({ number: index + 1, text: line }));

const changedLines = (before: string, after: string): ExplainedFile['lines'] => {
  let number = 1;
  return diffArrays(before.split('\n'), after.split('\n')).flatMap(({ added, removed, value }) => {
    if (added) return [];
    const from = number;
    number += value.length;
    return removed ? value.map((text, index) => ({ number: from + index, text })) : [];
  });
};

/** Dotted names of the settings that two texts of one format say differently. */
const changedSettings = (path: string, before: string, after: string | undefined): string[] => {
  const parse = parserOf(path);
  if (parse === undefined || after === undefined) return [];
  const others = new Map(settingsOf(parse(after)));
  return settingsOf(parse(before)).flatMap(([name, value]) => (others.get(name) === value ? [] : [name]));
};

const settingsOf = (value: unknown, above: readonly string[] = []): [string, string][] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [[above.join('.'), JSON.stringify(value)]];
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return entries.flatMap(([key, child]) => settingsOf(child, [...above, String(key)]));
};
