import { Fail } from '../../core/fail.ts';
import { isMapping, type Mapping } from '../../profile/as-written.ts';
import { type Group, type Inventory, type Vars, writtenOut } from './ansible-inventory.ts';
import { ansibleYaml, varsIn } from './ansible-values.ts';

const mappingOf = (value: unknown): Mapping => (isMapping(value) ? value : {});

/**
 * The YAML form: groups with `hosts`, `vars` and `children`, which nest. What ansible-inventory --list prints, which is JSON,
 * has lists of names there, and all that is said of hosts below `_meta`.
 * @throws Fail `BadUsage` for YAML that is none, or no inventory
 */
export function parseYaml(text: string, file: string): Inventory {
  const top = ansibleYaml(text, file);
  if (!isMapping(top))
    throw new Fail('BadUsage', `${file} is no inventory of Ansible: it has no groups`, {
      hint: 'An inventory in YAML begins with a group such as all:, and has hosts: below it.',
    });
  if (typeof top['plugin'] === 'string')
    throw new Fail('BadUsage', `${file} lets Ansible's plugin ${top['plugin']} look for hosts`, {
      hint: `Let Ansible say which there are: ansible-inventory -i ${file} --list --yaml > hosts.yml`,
    });
  const groups = new Map<string, Group>();
  for (const [name, group] of Object.entries(top)) {
    if (group !== null && !isMapping(group))
      throw new Fail('BadUsage', `${file} is no inventory of Ansible: ${name} is no group`, {
        hint: 'A group has hosts:, vars: and children: below it; ansible-inventory --list says whether Ansible itself understands the file.',
      });
    if (name === '_meta') addGroup(groups, 'all', { hosts: mappingOf(group)['hostvars'] });
    else addGroup(groups, name, mappingOf(group));
  }
  return { groups };
}

/** A group may be written in several places, each with a part of it. */
function addGroup(groups: Map<string, Group>, name: string, form: Mapping): void {
  const before = groups.get(name);
  const children = named(form['children']);
  groups.set(name, {
    hosts: new Map([...(before?.hosts ?? []), ...hostsIn(named(form['hosts']))]),
    vars: new Map([...(before?.vars ?? []), ...varsIn(form['vars'])]),
    children: new Set([...(before?.children ?? []), ...Object.keys(children)]),
  });
  for (const [child, inner] of Object.entries(children)) addGroup(groups, child, mappingOf(inner));
}

/** What a mapping has by name; a list has names alone. */
const named = (value: unknown): Mapping =>
  Array.isArray(value) ? Object.fromEntries(value.map((name) => [String(name), {}])) : mappingOf(value);

const hostsIn = (form: Mapping): [string, Vars][] =>
  Object.entries(form).flatMap(([name, vars]) =>
    writtenOut(name).map((host): [string, Vars] => [host, varsIn(vars)]),
  );
