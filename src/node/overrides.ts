import { basename, dirname } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { entriesOf, fileAt } from '../host/facts/files.ts';
import { normalSpace } from '../host/facts/kernel.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change } from '../resources/change.ts';
import type { Drift } from '../resources/drift.ts';
import { engineUnits } from './engines.ts';
import { parseSysctls, parseUnitFile } from './parsers.ts';

/** Files that are read together with one of berth's, and how: what sorts later has the last word. */
interface Family {
  readonly ours: string;
  /** Folders with the files of others, those of higher precedence first. */
  readonly folders: readonly string[];
  /** A file of others under the name that it counts as. */
  readonly single?: { readonly path: string; readonly as: string };
  /** Others are heard whatever they are called: drop-ins of a unit. */
  readonly always?: true;
  readonly settings: (text: string) => ReadonlyMap<string, string>;
}

/** Settings of units of which a further one takes nothing away. */
const addsUp = /^(After|Before|Wants|Requires|WantedBy|Alias|Environment|EnvironmentFile|Documentation)$/;

const families: readonly Family[] = [
  {
    ours: '/etc/crio/crio.conf.d/20-berth.conf',
    folders: ['/etc/crio/crio.conf.d'],
    settings: tomlSettings,
  },
  {
    ours: '/etc/containers/registries.conf.d/zz-berth.conf',
    folders: ['/etc/containers/registries.conf.d'],
    settings: tomlSettings,
  },
  {
    ours: '/etc/sysctl.d/90-berth.conf',
    folders: ['/etc/sysctl.d', '/run/sysctl.d', '/usr/lib/sysctl.d'],
    single: { path: '/etc/sysctl.conf', as: '99-sysctl.conf' },
    settings: (text) => new Map([...parseSysctls(text)].map(([key, value]) => [key, normalSpace(value)])),
  },
  ...Object.values(engineUnits)
    .flat()
    .map(
      (unit): Family => ({
        ours: `/etc/systemd/system/${unit}`,
        folders: [`/etc/systemd/system/${unit}.d`, `/run/systemd/system/${unit}.d`],
        always: true,
        settings: (text) =>
          new Map(
            [...parseUnitFile(text)].flatMap(([section, entries]) =>
              entries
                .filter(([key]) => !addsUp.test(key))
                .map(([key, value]) => [`${section}.${key}`, value]),
            ),
          ),
      }),
    ),
];

/** What the probe must ask for to see them. */
export const overridesAsk: { readonly files: readonly string[]; readonly folders: readonly string[] } = {
  files: families.flatMap(({ single }) => single?.path ?? []),
  folders: families.flatMap(({ folders }) => folders),
};

/**
 * Settings of others that make a file of berth's say something that does not count. `isTold`: of which files; what a template
 * of the user brought is the profile's word too, and no drift.
 */
export function overridesOn(
  facts: Facts,
  planned: readonly Change[],
  isTold: (path: string) => boolean = () => true,
): Drift[] {
  return families.flatMap((family) => {
    const text = wantedText(family.ours, facts, planned);
    if (text === undefined) return [];
    const ours = settingsOf(family, text);
    return othersAfter(family, facts)
      .filter(({ path }) => isTold(path))
      .flatMap(({ path, text: other }) =>
        differing(ours, settingsOf(family, other)).map(
          ([key, value, wanted]): Drift => ({
            id: `foreign:${path} ${key}`,
            kind: 'foreign',
            summary: `${path} has the last word on ${key}: ${value} instead of ${wanted}`,
          }),
        ),
      );
  });
}

/** What berth's file says, or will say. */
function wantedText(path: string, { files }: Facts, planned: readonly Change[]): string | undefined {
  const steps = planned.flatMap((change) => change.steps);
  const written = steps.find((step) => step.kind === 'write' && step.path === path);
  if (written?.kind === 'write' && written.content.kind === 'text') return written.content.text;
  const now = fileAt(files, path);
  return now.kind === 'file' ? now.text : undefined;
}

function othersAfter(family: Family, { files }: Facts): { readonly path: string; readonly text: string }[] {
  const own = basename(family.ours);
  const seen = new Set<string>();
  const found: { readonly path: string; readonly name: string; readonly text: string }[] = [];
  const take = (path: string, name: string): void => {
    const now = fileAt(files, path);
    if (path === family.ours || seen.has(name)) return;
    // A link to /dev/null, or a file of the same name, hides what is in folders of lower precedence.
    seen.add(name);
    if (now.kind === 'file' && now.text !== undefined) found.push({ path, name, text: now.text });
  };
  // The link to it in the folder is then known already.
  const { single } = family;
  if (single !== undefined && isLinked(family, files)) take(single.path, single.as);
  for (const folder of family.folders) {
    for (const name of entriesOf(files, folder)) if (name.endsWith('.conf')) take(`${folder}/${name}`, name);
  }
  return found
    .filter(({ name }) => family.always === true || name > own)
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** systemd reads /etc/sysctl.conf only through the link of the distribution. */
const isLinked = ({ ours, single }: Family, files: Facts['files']): boolean =>
  single !== undefined && fileAt(files, `${dirname(ours)}/${single.as}`).kind === 'link';

function differing(
  ours: ReadonlyMap<string, string>,
  others: ReadonlyMap<string, string>,
): [key: string, value: string, wanted: string][] {
  return [...others].flatMap(([key, value]) => {
    const wanted = ours.get(key);
    return wanted === undefined || wanted === value ? [] : [[key, value, wanted]];
  });
}

/** A file that its readers do not understand overrides nothing here, and nothing overrides it; who reads it says so. */
function settingsOf({ settings }: Family, text: string): ReadonlyMap<string, string> {
  try {
    return settings(text);
  } catch {
    return new Map();
  }
}

/** `crio.runtime.default_runtime` → `"runc"`; tables of a list go by their `prefix` or `location`. */
export function tomlSettings(text: string): Map<string, string> {
  const settings = new Map<string, string>();
  collect('', parseToml(text), settings);
  return settings;
}

function collect(path: string, value: unknown, settings: Map<string, string>): void {
  const under = (name: string) => (path === '' ? name : `${path}.${name}`);
  if (Array.isArray(value) && value.length > 0 && value.every(isTable)) {
    for (const table of value) collect(`${path}[${nameOf(table)}]`, table, settings);
  } else if (isTable(value)) {
    for (const [name, inner] of Object.entries(value)) collect(under(name), inner, settings);
  } else settings.set(path, JSON.stringify(value));
}

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

const nameOf = (table: Readonly<Record<string, unknown>>): string =>
  String(table['prefix'] ?? table['location'] ?? '');
