import { readFile } from 'node:fs/promises';
import { Fail } from '../../core/fail.ts';
import { lookIntoConfigFiles } from '../ssh/config-files.ts';
import { ansibleHosts } from './ansible.ts';
import { type Candidate, hostNameOf } from './candidate.ts';
import { gceHosts } from './gce.ts';
import { vagrantHosts } from './vagrant.ts';

/** Where hosts can be imported from. */
export interface Origin {
  readonly kind: 'ssh_config' | 'ansible' | 'vagrant' | 'gce';
  /** A file or folder of this machine, or a project; ssh_config has its own places. */
  readonly place: string;
}

/** The hosts that another tool knows. */
export async function findHosts({ kind, place }: Origin, signal: AbortSignal): Promise<readonly Candidate[]> {
  switch (kind) {
    case 'ssh_config':
      return (await lookIntoConfigFiles(undefined)).aliases.map(aliasOf);
    case 'ansible':
      return ansibleHosts(await inventoryText(place), place);
    case 'vagrant':
      return await vagrantHosts(place, signal);
    case 'gce':
      return await gceHosts(place, signal);
  }
}

/** It stays an alias: ssh_config says the rest at each run. */
const aliasOf = (alias: string): Candidate => ({
  name: hostNameOf(alias),
  way: { ssh: { host: alias } },
  groups: [],
  about: alias,
});

async function inventoryText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const isFolder = cause instanceof Error && 'code' in cause && cause.code === 'EISDIR';
    throw new Fail('BadUsage', `${file || 'nothing'} cannot be read as an inventory`, {
      hint: isFolder ? 'It is a folder: name one file of it.' : 'Name a file, as in inventory/hosts.yml.',
      cause,
    });
  }
}
