import { Fail } from '../../core/fail.ts';
import { parseIni } from './ansible-ini.ts';
import type { Inventory, Vars } from './ansible-inventory.ts';
import { parseYaml } from './ansible-yaml.ts';
import { type Candidate, hostNameOf } from './candidate.ts';

/** Groups that every host is in, or that say nothing about it. */
const noGroups = new Set(['all', 'ungrouped']);

/**
 * The hosts of an inventory of Ansible, INI or YAML: addresses, users, ports, keys and groups. Passwords, and what plugins,
 * scripts, vaults and the folders group_vars and host_vars say, are not taken over.
 * @throws Fail `BadUsage` for a text that is no inventory
 */
export function ansibleHosts(text: string, file: string): readonly Candidate[] {
  if (text.startsWith('#!'))
    throw new Fail('BadUsage', `${file} is a program that prints an inventory`, {
      hint: `Let it print one: ansible-inventory -i ${file} --list --yaml > hosts.yml`,
    });
  const found = isYaml(text, file) ? parseYaml(text, file) : parseIni(text, file);
  const names = new Set([...found.groups.values()].flatMap(({ hosts }) => [...hosts.keys()]));
  return [...names].map((name) => candidateOf(name, found));
}

const isYaml = (text: string, file: string): boolean =>
  /\.ya?ml$/i.test(file) || (!/^\s*\[/m.test(text) && /^(---|\w+:\s*$)/m.test(text));

function candidateOf(name: string, { groups }: Inventory): Candidate {
  const chain = groupsOf(name, groups);
  const vars = new Map(chain.flatMap((group) => [...(groups.get(group)?.vars ?? [])]));
  for (const { hosts } of groups.values())
    for (const [key, value] of hosts.get(name) ?? []) vars.set(key, value);
  const isLocal = vars.get('ansible_connection') === 'local';
  const own = chain
    .filter((group) => !noGroups.has(group))
    .map(hostNameOf)
    .filter((group) => group !== '');
  return {
    name: hostNameOf(name),
    way: isLocal ? { local: {} } : { ssh: sshOf(name, vars) },
    groups: own,
    about: `${isLocal ? 'this machine' : String(sshOf(name, vars)['host'])}${own.length === 0 ? '' : ` in ${own.join(', ')}`}`,
  };
}

/** The groups of a host, those that hold others first: later ones win. `all` comes before every other. */
function groupsOf(host: string, groups: Inventory['groups']): string[] {
  const direct = [...groups].filter(([, { hosts }]) => hosts.has(host)).map(([name]) => name);
  const depths = new Map<string, number>([['all', 0]]);
  const visit = (name: string, seen: readonly string[]): number => {
    const parents = [...groups].filter(
      ([parent, { children }]) => children.has(name) && !seen.includes(parent),
    );
    const depth = 1 + Math.max(0, ...parents.map(([parent]) => visit(parent, [...seen, parent])));
    if (name !== 'all') depths.set(name, depth);
    return depth;
  };
  for (const name of direct) visit(name, [name]);
  return [...depths]
    .toSorted(([one, depth], [other, deep]) => depth - deep || one.localeCompare(other))
    .map(([name]) => name);
}

function sshOf(name: string, vars: Vars): Readonly<Record<string, unknown>> {
  const first = (...keys: readonly string[]): string | undefined =>
    keys.map((key) => vars.get(key)).find((value) => value !== undefined && !value.includes('{{'));
  const port = Number(first('ansible_port', 'ansible_ssh_port'));
  const user = first('ansible_user', 'ansible_ssh_user');
  const key = first('ansible_ssh_private_key_file', 'ansible_private_key_file');
  return {
    host: first('ansible_host', 'ansible_ssh_host') ?? name,
    ...(user === undefined ? {} : { user }),
    ...(Number.isInteger(port) && port > 0 ? { port } : {}),
    ...(key === undefined ? {} : { identityFiles: [key] }),
  };
}
