import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { EngineSpec, KubernetesSpec, Spec } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import { type Concern, type Given, rendered } from './concern.ts';

/*
 * Package repositories that are not the distribution's. They are added beside those that the host has, and each is trusted
 * for what it signs alone.
 */

type Manager = 'apt' | 'dnf';
/** Whose packages they are. */
type Project = 'cri-o' | 'kubernetes';

const projects: readonly Project[] = ['cri-o', 'kubernetes'];

/** Where package managers look for the repository and its key. */
const filesOf = (project: Project, manager: Manager): { readonly source: string; readonly key: string } =>
  ({
    apt: {
      source: `/etc/apt/sources.list.d/berth-${project}.sources`,
      key: `/etc/apt/keyrings/berth-${project}.asc`,
    },
    dnf: {
      source: `/etc/yum.repos.d/berth-${project}.repo`,
      key: `/etc/pki/rpm-gpg/RPM-GPG-KEY-berth-${project}`,
    },
  })[manager];

/** https://github.com/cri-o/packaging and https://kubernetes.io/docs/tasks/administer-cluster/kubeadm: one for each minor. */
const upstream: Readonly<Record<Project, string>> = {
  'cri-o': 'https://download.opensuse.org/repositories/isv:/cri-o:/stable:',
  kubernetes: 'https://pkgs.k8s.io/core:/stable:',
};

const folders: Readonly<Record<Manager, string>> = { apt: 'deb', dnf: 'rpm' };
const keyNames: Readonly<Record<Manager, string>> = { apt: 'Release.key', dnf: 'repodata/repomd.xml.key' };

export interface Repository {
  readonly project: Project;
  /** The folder with the packages of the minor. */
  readonly address: string;
  /** Where the key lies that signs it. */
  readonly keyAddress: string;
  /** Undefined: what the server sends first is trusted from then on. */
  readonly keySha256?: string | undefined;
}

interface Wanted {
  readonly version: string;
  readonly repository?: string | undefined;
  readonly keySha256?: string | undefined;
}

const repositoryOf = (
  project: Project,
  manager: Manager,
  { version, repository = upstream[project], keySha256 }: Wanted,
): Repository => {
  const minor = version.split('.').slice(0, 2).join('.');
  const address = `${repository.replace(/\/+$/, '')}/v${minor}/${folders[manager]}`;
  return { project, address, keyAddress: `${address}/${keyNames[manager]}`, keySha256 };
};

/** CRI-O's, where it comes from there. */
const ofEngine = ({ name, source = 'upstream', version, ...rest }: EngineSpec): Wanted[] =>
  name === 'cri-o' && source === 'upstream' && version !== undefined ? [{ version, ...rest }] : [];

const ofKubernetes = (kubernetes: KubernetesSpec | undefined): Wanted[] =>
  kubernetes?.source === 'packages' ? [kubernetes] : [];

/** The repositories that a host of this spec reads besides its own. */
export const repositoriesOf = ({ engine, kubernetes }: Spec, manager: Manager): Repository[] => [
  ...ofEngine(engine).map((wanted) => repositoryOf('cri-o', manager, wanted)),
  ...ofKubernetes(kubernetes).map((wanted) => repositoryOf('kubernetes', manager, wanted)),
];

export const repositories: Concern = {
  asks: (spec) => ({
    files: (['apt', 'dnf'] as const).flatMap((manager) =>
      repositoriesOf(spec, manager).flatMap(({ project }) => Object.values(filesOf(project, manager))),
    ),
  }),
  resources: ({ spec, facts, supplies, render }) => {
    const { manager } = facts.packages;
    // A bundle brings the packages themselves.
    if (manager === undefined || supplies.packages?.bundled !== undefined) return { resources: [] };
    return {
      resources: repositoriesOf(spec, manager).flatMap((repository) =>
        repositoryFiles(manager, repository, supplies, render),
      ),
    };
  },
};

function repositoryFiles(
  manager: Manager,
  { project, address }: Repository,
  { repositoryKeys }: Given['supplies'],
  render: Given['render'],
): Resource[] {
  const { source, key } = filesOf(project, manager);
  const text = repositoryKeys?.get(project) ?? '';
  return [
    { kind: 'file', path: key, content: { kind: 'text', text }, mode: 0o644 },
    rendered(render, source, { address, key }),
  ];
}

/** The keys as the host has them. */
export function repositoryKeysOn({
  files: onHost,
  packages: { manager },
}: Facts): ReadonlyMap<Project, string> {
  if (manager === undefined) return new Map();
  return new Map(
    projects.flatMap((project) => {
      const file = fileAt(onHost, filesOf(project, manager).key);
      return file.kind === 'file' && file.text !== undefined ? [[project, file.text]] : [];
    }),
  );
}
