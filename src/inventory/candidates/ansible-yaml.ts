import { parseDocument } from 'yaml';
import { Fail } from '../../core/fail.ts';
import { type Group, type Inventory, type Vars, writtenOut } from './ansible-inventory.ts';

type Mapping = Readonly<Record<string, unknown>>;

const mappingOf = (value: unknown): Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};

/**
 * The YAML form: groups with `hosts`, `vars` and `children`, which nest.
 * @throws Fail `BadUsage` for YAML that is none, or no inventory
 */
export function parseYaml(text: string, file: string): Inventory {
  // Tags such as !vault are Ansible's own: their values are nothing that is taken over.
  const document = parseDocument(text, { logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined)
    throw new Fail('BadUsage', `${file} is no YAML: ${error.message.split('\n')[0]}`, {
      hint: 'Correct it; ansible-inventory --list says whether Ansible itself understands the file.',
    });
  const top: unknown = document.toJS({ maxAliasCount: 100 });
  if (typeof top !== 'object' || top === null || Array.isArray(top))
    throw new Fail('BadUsage', `${file} is no inventory of Ansible: it has no groups`, {
      hint: 'An inventory in YAML begins with a group such as all:, and has hosts: below it.',
    });
  const groups = new Map<string, Group>();
  for (const [name, group] of Object.entries(top)) addGroup(groups, name, mappingOf(group));
  return { groups };
}

/** A group may be written in several places, each with a part of it. */
function addGroup(groups: Map<string, Group>, name: string, form: Mapping): void {
  const before = groups.get(name);
  const children = mappingOf(form['children']);
  groups.set(name, {
    hosts: new Map([...(before?.hosts ?? []), ...hostsIn(mappingOf(form['hosts']))]),
    vars: new Map([...(before?.vars ?? []), ...varsIn(form['vars'])]),
    children: new Set([...(before?.children ?? []), ...Object.keys(children)]),
  });
  for (const [child, inner] of Object.entries(children)) addGroup(groups, child, mappingOf(inner));
}

const hostsIn = (form: Mapping): [string, Vars][] =>
  Object.entries(form).flatMap(([name, vars]) =>
    writtenOut(name).map((host): [string, Vars] => [host, varsIn(vars)]),
  );

const varsIn = (form: unknown): Vars =>
  new Map(
    Object.entries(mappingOf(form)).flatMap(([key, value]): [string, string][] =>
      typeof value === 'string' || typeof value === 'number' ? [[key, String(value)]] : [],
    ),
  );
