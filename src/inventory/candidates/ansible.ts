import { resolve } from 'node:path';
import { Fail } from '../../core/fail.ts';
import { listed } from '../../core/text.ts';
import type { VarsFiles } from './ansible-files.ts';
import { parseIni } from './ansible-ini.ts';
import { hostNamesIn, type Inventory, type Vars } from './ansible-inventory.ts';
import { type Way, wayTo } from './ansible-way.ts';
import { parseYaml } from './ansible-yaml.ts';
import { type Candidate, type Found, hostNameOf } from './candidate.ts';

/** Groups that every host is in, or that say nothing about it. */
const noGroups = new Set(['all', 'ungrouped']);

/**
 * An inventory of Ansible, INI, YAML or the JSON of ansible-inventory --list, as it is written.
 * @throws Fail `BadUsage` for a text that is none
 */
export function parseInventory(text: string, file: string): Inventory {
  if (text.startsWith('#!'))
    throw new Fail('BadUsage', `${file} is a program that prints an inventory`, {
      hint: `Let it print one: ansible-inventory -i ${file} --list --yaml > hosts.yml`,
    });
  if (text.startsWith('$ANSIBLE_VAULT;'))
    throw new Fail('BadUsage', `${file} is encrypted by ansible-vault`, {
      hint: `Let Ansible print it: ansible-inventory -i ${file} --list --yaml --ask-vault-pass > hosts.yml`,
    });
  return isYaml(text, file) ? parseYaml(text, file) : parseIni(text, file);
}

const isYaml = (text: string, file: string): boolean =>
  /\.ya?ml$/i.test(file) || /^\s*\{/.test(text) || (!/^\s*\[/m.test(text) && /^(---|\w+:\s*$)/m.test(text));

interface Besides {
  /** Of the inventory. */
  readonly folder: string;
  readonly files: VarsFiles;
  /** How the profile says the path of a key. */
  readonly keyPath: (path: string) => string;
}

/**
 * The hosts of an inventory: addresses, users, ports, keys, jump hosts and groups. What cannot be taken over, and what never
 * is, as passwords, is told.
 */
export function ansibleHosts(inventory: Inventory, besides: Besides): Found {
  const hosts = hostNamesIn(inventory).map((name): Read => {
    const chain = groupsOf(name, inventory.groups);
    return { name, chain, way: wayTo(name, varsOf(name, chain, inventory, besides), besides.keyPath) };
  });
  return { candidates: hosts.flatMap(candidateOf), remarks: remarksOn(hosts, besides.files) };
}

/** A host of the inventory. */
interface Read {
  readonly name: string;
  readonly chain: readonly string[];
  readonly way: Way;
}

/** All that is said of a host, in Ansible's order: files come after the inventory, hosts after groups. */
function varsOf(name: string, chain: readonly string[], { groups }: Inventory, besides: Besides): Vars {
  const { files, folder } = besides;
  const own = chain.filter((group) => group !== 'all');
  return new Map([
    // What Ansible says by itself.
    ['inventory_hostname', name],
    ['inventory_hostname_short', name.split('.')[0] ?? name],
    ['inventory_dir', resolve(folder)],
    ...chain.flatMap((group) => [...(groups.get(group)?.vars ?? [])]),
    ...files.layers.flatMap((layer) => [...(layer.groups.get('all') ?? [])]),
    ...files.layers.flatMap((layer) => own.flatMap((group) => [...(layer.groups.get(group) ?? [])])),
    ...[...groups.values()].flatMap(({ hosts }) => [...(hosts.get(name) ?? [])]),
    ...files.layers.flatMap((layer) => [...(layer.hosts.get(name) ?? [])]),
  ]);
}

function candidateOf({ name, chain, way }: Read): Candidate[] {
  if ('connection' in way) return [];
  const groups = chain
    .filter((group) => !noGroups.has(group))
    .map(hostNameOf)
    .filter((group) => group !== '');
  const { ssh } = way.form;
  const at = typeof ssh === 'object' && ssh !== null && 'host' in ssh ? String(ssh.host) : 'this machine';
  const about = `${at}${groups.length === 0 ? '' : ` in ${groups.join(', ')}`}`;
  return [{ name: hostNameOf(name), way: way.form, groups, about }];
}

/** What was not taken over, the same of several hosts in one sentence. */
function remarksOn(hosts: readonly Read[], { vaults }: VarsFiles): string[] {
  const about = new Map<string, string[]>();
  const tell = (text: string, name: string): void => {
    about.set(text, [...(about.get(text) ?? []), name]);
  };
  for (const { name, way } of hosts) {
    if ('connection' in way) tell(`left out, reached by ${way.connection} and not by SSH`, name);
    else for (const [variable, why] of way.untaken) tell(`${variable}: ${why}`, name);
  }
  return [
    ...vaults.map((file) => `${file}: vaulted as a whole`),
    ...[...about].map(([text, names]) => `${text} (${listed(names)})`),
  ];
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
