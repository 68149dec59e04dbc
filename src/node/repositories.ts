import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { EngineSpec } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import { type Concern, type Given, rendered } from './concern.ts';

/*
 * Package repositories that are not the distribution's. They are added beside those that the host has, and each is trusted
 * for what it signs alone.
 */

const files = {
  apt: { source: '/etc/apt/sources.list.d/berth-cri-o.sources', key: '/etc/apt/keyrings/berth-cri-o.asc' },
  dnf: { source: '/etc/yum.repos.d/berth-cri-o.repo', key: '/etc/pki/rpm-gpg/RPM-GPG-KEY-berth-cri-o' },
} as const;

/** https://github.com/cri-o/packaging: a repository for each minor. */
const upstream = 'https://download.opensuse.org/repositories/isv:/cri-o:/stable:';

type Manager = keyof typeof files;

const folders: Readonly<Record<Manager, string>> = { apt: 'deb', dnf: 'rpm' };
const keyNames: Readonly<Record<Manager, string>> = { apt: 'Release.key', dnf: 'repodata/repomd.xml.key' };

/** The folder with the packages of CRI-O's minor; undefined: it does not come from there. */
export function engineRepository(
  { name, source = 'upstream', version, repository = upstream }: EngineSpec,
  manager: Manager,
): string | undefined {
  if (name !== 'cri-o' || source !== 'upstream' || version === undefined) return undefined;
  const minor = version.split('.').slice(0, 2).join('.');
  return `${repository.replace(/\/+$/, '')}/v${minor}/${folders[manager]}`;
}

/** Where the key lies that signs the repository. */
export const keyAddress = (repository: string, manager: Manager): string =>
  `${repository}/${keyNames[manager]}`;

export const repositories: Concern = {
  asks: ({ engine }) =>
    engine.name === 'cri-o'
      ? { files: Object.values(files).flatMap(({ source, key }) => [source, key]) }
      : {},
  resources: ({ spec, facts, supplies, render }) => {
    const { manager } = facts.packages;
    const address = manager === undefined ? undefined : engineRepository(spec.engine, manager);
    // A bundle brings the packages themselves.
    if (manager === undefined || address === undefined || supplies.packages?.bundled !== undefined)
      return { resources: [] };
    return { resources: repositoryFiles(manager, address, supplies, render) };
  },
};

function repositoryFiles(
  manager: Manager,
  address: string,
  { engineKey = '' }: Given['supplies'],
  render: Given['render'],
): Resource[] {
  const { source, key } = files[manager];
  return [
    { kind: 'file', path: key, content: { kind: 'text', text: engineKey }, mode: 0o644 },
    rendered(render, source, { address, key }),
  ];
}

/** The key as the host has it. */
export function repositoryKeyOn({ files: onHost, packages: { manager } }: Facts): string | undefined {
  const file = manager === undefined ? undefined : fileAt(onHost, files[manager].key);
  return file?.kind === 'file' ? file.text : undefined;
}
