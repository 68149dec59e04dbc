import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fail } from '../../core/fail.ts';
import { lookIntoConfigFiles } from '../ssh/config-files.ts';
import { ansibleHosts, parseInventory } from './ansible.ts';
import { readVarsFiles } from './ansible-files.ts';
import { type Candidate, type Found, hostNameOf } from './candidate.ts';
import { gceHosts } from './gce.ts';
import { fromHome, seenFrom } from './typed-paths.ts';
import { vagrantHosts } from './vagrant.ts';

/** Where hosts can be imported from. */
export interface Origin {
  readonly kind: 'ssh_config' | 'ansible' | 'vagrant' | 'gce';
  /** A file or folder of this machine, or a project; ssh_config has its own places. */
  readonly place: string;
}

interface Means {
  /** Of the profile that the hosts are for: its paths are seen from there. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** The hosts that another tool knows. A place is seen from the folder that berth was started in, as in a shell. */
export async function findHosts({ kind, place }: Origin, { folder, signal }: Means): Promise<Found> {
  switch (kind) {
    case 'ssh_config':
      return { candidates: (await lookIntoConfigFiles(undefined)).aliases.map(aliasOf), remarks: [] };
    case 'ansible':
      return await ansibleHostsIn(fromHome(place), folder);
    case 'vagrant':
      return { candidates: await vagrantHosts(place, { folder, signal }), remarks: [] };
    case 'gce':
      return { candidates: await gceHosts(place, signal), remarks: [] };
  }
}

/** The inventory and what lies beside it, as Ansible reads them together. */
async function ansibleHostsIn(file: string, folder: string): Promise<Found> {
  const inventory = parseInventory(await inventoryText(file), file);
  const files = await readVarsFiles([dirname(file), '.'], inventory);
  return ansibleHosts(inventory, { folder: dirname(file), files, keyPath: (path) => seenFrom(folder, path) });
}

/** It stays an alias: ssh_config says the rest at each run. */
const aliasOf = (alias: string): Candidate => ({
  name: hostNameOf(alias),
  way: { ssh: { host: alias } },
  groups: [],
  about: alias,
});

async function inventoryText(file: string): Promise<string> {
  if (file === '')
    throw new Fail('BadUsage', 'no inventory was named', { hint: 'Name a file, as in inventory/hosts.yml.' });
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const isFolder = cause instanceof Error && 'code' in cause && cause.code === 'EISDIR';
    throw new Fail('BadUsage', `${file} cannot be read as an inventory`, {
      hint: isFolder ? 'It is a folder: name one file of it.' : 'Name a file, as in inventory/hosts.yml.',
      cause,
    });
  }
}
