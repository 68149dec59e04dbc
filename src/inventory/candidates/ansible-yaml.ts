import { Fail } from '../../core/fail.ts';
import { isMapping, type Mapping } from '../../profile/as-written.ts';
import { type Group, type Inventory, type Vars, writtenOut } from './ansible-inventory.ts';
import { ansibleYaml, varsIn } from './ansible-values.ts';

const mappingOf = (value: unknown): Mapping => (isMapping(value) ? value : {});

/**
 * The YAML form: groups with `hosts`, `vars` and `children`, which nest.
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
