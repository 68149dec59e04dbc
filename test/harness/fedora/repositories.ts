import { link, mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildRpms, type RpmSource } from './wrap-debs.ts';

/** What a host may ask; the tests enable what they want. */
export const repositories = [
  'fedora',
  'rhel8',
  'rhel10',
  'kubernetes',
  'broken',
  'neighbour',
  'signed',
] as const;

type Repository = (typeof repositories)[number];

/** Writes the files that tell dnf of them; those of `enabled` it asks. */
export async function writeRepositoryFiles(layer: string, enabled: readonly Repository[]): Promise<void> {
  const section = (id: Repository): string => {
    const check = id === 'signed' ? 'gpgcheck=1\ngpgkey=file:///srv/repository/other.key' : 'gpgcheck=0';
    return `[${id}]\nname=${id}\nbaseurl=file:///srv/repository/${id}\n${check}\nenabled=${Number(enabled.includes(id))}\n`;
  };
  await mkdir(join(layer, 'etc/yum.repos.d'), { recursive: true });
  for (const id of repositories) await writeFile(join(layer, `etc/yum.repos.d/${id}.repo`), section(id));
}

const nameOf = (rpm: string): string => basename(rpm).replace(/-[^-]+-[^-]+\.rpm$/, '');

/**
 * What differs in RHEL: 8 has iptables under that name alone; 10 has neither runc nor plugins of CNI, which the
 * repository of Kubernetes has as kubernetes-cni, in /opt/cni/bin.
 */
export async function makeRhelRepositories(
  folder: string,
  sources: readonly RpmSource[],
  rpms: readonly string[],
  base: string,
): Promise<void> {
  const without: Partial<Record<Repository, readonly string[]>> = {
    rhel8: ['iptables-nft'],
    rhel10: ['runc', 'containernetworking-plugins'],
  };
  for (const [id, names] of Object.entries(without)) {
    await mkdir(join(folder, id), { recursive: true });
    for (const rpm of rpms)
      if (!names.includes(nameOf(rpm))) await link(rpm, join(folder, id, basename(rpm)));
  }
  const sourceOf = (name: string): RpmSource => {
    const source = sources.find((each) => each.name === name);
    if (source === undefined) throw new Error(`no RPM ${name} is made`);
    return source;
  };
  const iptables = sourceOf('iptables-nft');
  const provides = (iptables.provides ?? []).filter((name) => name !== 'iptables');
  await buildRpms([{ ...iptables, name: 'iptables', provides }], join(folder, 'rhel8'), base);
  const plugins = sourceOf('containernetworking-plugins');
  if (plugins.tree !== undefined) {
    await mkdir(join(plugins.tree, 'opt/cni'), { recursive: true });
    await rename(join(plugins.tree, 'usr/libexec/cni'), join(plugins.tree, 'opt/cni/bin'));
  }
  await buildRpms([{ ...plugins, name: 'kubernetes-cni', provides: [] }], join(folder, 'kubernetes'), base);
}
