import { kubernetesSpecs } from './kubernetes-pins.ts';

/** Processor architectures of hosts, as Node names them. */
export type Architecture = 'x64' | 'arm64';

export type ArtifactName =
  | 'crictl'
  | 'runc'
  | 'crun'
  | 'runsc'
  | 'cni-plugins'
  | 'cri-o'
  | 'bwrap-oci'
  | 'kata'
  | 'kubelet'
  | 'kubeadm'
  | 'kubectl';

/** What decides whether a crictl is the right one. */
export interface Pin {
  /**
   * sha256 of the release's archive per architecture. Where it is absent, the checksum file that the
   * project publishes beside the archive decides: it guards the transfer, not the publisher.
   */
  readonly archives: Partial<Record<Architecture, string>>;
  /** Hash of the Go module's source, as go.sum has it and the checksum database (sum.golang.org) signs it. */
  readonly goModule?: string;
}

/** How a program is built from its Go module. */
export interface GoBuild {
  readonly module: string;
  /** Each makes a program of its last part's name. */
  readonly packages: readonly string[];
  /** Set to the version by the linker; undefined: the module knows it by itself. */
  readonly versionVariable?: string;
  /** Set by the linker besides, by name. */
  readonly variables?: (version: string) => Readonly<Record<string, string>>;
  /** Of a module that leads modules of its own into its tree: the version under which those are published. */
  readonly staging?: (version: string) => string;
  /**
   * Built as a dependency of a module of ours, which asks a proxy for this version alone: `go install` asks for the list of
   * all versions too, which a proxy that guards what comes in may not hand out.
   */
  readonly asDependency?: true;
  readonly tags?: readonly string[];
  /** Libraries in C that it is linked with, statically: the program must run on hosts that have others. pkg-config's names. */
  readonly libraries?: readonly string[];
  /** Folders of the module with programs in C, each of its folder's name, from the files in its `src`. */
  readonly native?: readonly string[];
}

export interface ArtifactSpec {
  /** Name of the program inside the archive. */
  readonly program: string;
  /** Of an artifact with several programs, all of them; hosts get each. `*`: every file of the archive, at its path. */
  readonly programs?: readonly string[] | '*';
  /** What the release is; default `tar.gz`. `source` is given to the host as it is, which builds it. */
  readonly form?: 'tar.gz' | 'tar.zst' | 'program' | 'source';
  /** Name of its file in folders and mirrors, where all releases lie beside each other. */
  readonly archiveName: (version: string, arch: Architecture) => string;
  /** Folder of the project's own pages. */
  readonly releaseAddress: (version: string, arch: Architecture) => string;
  /** Names of the file and of its checksum there, where they are not as in mirrors. */
  readonly releaseNames?: (
    version: string,
    arch: Architecture,
  ) => { readonly archive: string; readonly checksum?: string };
  /** Undefined: it is no Go module. */
  readonly go?: GoBuild;
  /** Why nothing but checksums says who made a release. */
  readonly unsigned: string;
  /** By version. A version that is not here is decided by what is published beside it, or by the Go checksum database. */
  readonly pins: Readonly<Record<string, Pin>>;
}

/** The crictl that profiles get when they name none; test/run.sh reads it here. */
export const CRICTL_VERSION = '1.37.0';

/** Architectures as Go and most release pages name them. */
export const goArchitecture = { x64: 'amd64', arm64: 'arm64' } as const;

/** As uname(1) names them. */
const machine = { x64: 'x86_64', arm64: 'aarch64' } as const;

const onGitHub = (repository: string, version: string): string =>
  `https://github.com/${repository}/releases/download/${version}`;

/** Build tags of what a runtime can do, as its documentation names them. */
export const features: readonly string[] = ['seccomp', 'apparmor', 'selinux'];

/** What CRI-O is built with in any case: nothing that a host would have to bring a library for. */
const crioTags = [
  'containers_image_openpgp',
  'containers_image_ostree_stub',
  'exclude_graphdriver_btrfs',
  'netgo',
  'osusergo',
];

/** Plugins that the networks of profiles use, and those that other CNIs chain to theirs. */
const pluginNames = [
  'bridge',
  'host-local',
  'loopback',
  'portmap',
  'bandwidth',
  'firewall',
  'tuning',
] as const;

const pluginKinds: Readonly<Record<string, string>> = {
  bridge: 'main',
  loopback: 'main',
  'host-local': 'ipam',
};

export const artifactSpecs: Readonly<Record<ArtifactName, ArtifactSpec>> = {
  ...kubernetesSpecs,
  crictl: {
    program: 'crictl',
    archiveName: (version, arch) => `crictl-v${version}-linux-${goArchitecture[arch]}.tar.gz`,
    releaseAddress: (version) => onGitHub('kubernetes-sigs/cri-tools', `v${version}`),
    go: {
      module: 'sigs.k8s.io/cri-tools',
      packages: ['sigs.k8s.io/cri-tools/cmd/crictl'],
      versionVariable: 'sigs.k8s.io/cri-tools/pkg/version.Version',
    },
    unsigned: 'cri-tools publishes checksums beside its releases, and no signatures',
    pins: {
      [CRICTL_VERSION]: {
        archives: {},
        goModule: 'h1:BmTImEoTX3KPXCLwmIU9mfCC8umUqF4R8WibY9eVU9Y=',
      },
    },
  },
  runc: {
    program: 'runc',
    form: 'program',
    archiveName: (version, arch) => `runc-v${version}-linux-${goArchitecture[arch]}`,
    releaseAddress: (version) => onGitHub('opencontainers/runc', `v${version}`),
    releaseNames: (_, arch) => ({ archive: `runc.${goArchitecture[arch]}`, checksum: 'runc.sha256sum' }),
    go: {
      module: 'github.com/opencontainers/runc',
      packages: ['github.com/opencontainers/runc'],
      tags: ['seccomp', 'netgo', 'osusergo'],
      libraries: ['libseccomp'],
    },
    unsigned: 'runc signs its checksums with OpenPGP keys of its maintainers, which berth does not know',
    pins: {},
  },
  crun: {
    program: 'crun',
    form: 'program',
    archiveName: (version, arch) => `crun-${version}-linux-${goArchitecture[arch]}`,
    releaseAddress: (version) => onGitHub('containers/crun', version),
    unsigned: 'crun publishes OpenPGP signatures alone: the profile names the checksum',
    pins: {},
  },
  runsc: {
    program: 'runsc',
    form: 'program',
    archiveName: (version, arch) => `runsc-${version}-linux-${goArchitecture[arch]}`,
    releaseAddress: (version, arch) =>
      `https://storage.googleapis.com/gvisor/releases/release/${version}/${machine[arch]}`,
    releaseNames: () => ({ archive: 'runsc', checksum: 'runsc.sha512' }),
    go: { module: 'gvisor.dev/gvisor', packages: ['gvisor.dev/gvisor/runsc'] },
    unsigned: 'gVisor publishes checksums beside its releases, and no signatures',
    pins: {},
  },
  kata: {
    program: 'containerd-shim-kata-v2',
    programs: '*',
    form: 'tar.zst',
    archiveName: (version, arch) => `kata-static-${version}-${goArchitecture[arch]}.tar.zst`,
    releaseAddress: (version) => onGitHub('kata-containers/kata-containers', version),
    unsigned: 'Kata Containers publishes neither checksums nor signatures: the profile names the checksum',
    pins: {},
  },
  'bwrap-oci': {
    program: 'bwrap-oci',
    form: 'source',
    archiveName: (version) => `bwrap-oci-${version}.tar.gz`,
    releaseAddress: () => 'https://github.com/projectatomic/bwrap-oci/archive/refs/tags',
    releaseNames: (version) => ({ archive: `v${version}.tar.gz` }),
    unsigned: 'bwrap-oci publishes its source alone: the profile names the checksum',
    pins: {},
  },
  'cni-plugins': {
    program: 'bridge',
    programs: pluginNames,
    archiveName: (version, arch) => `cni-plugins-linux-${goArchitecture[arch]}-v${version}.tgz`,
    releaseAddress: (version) => onGitHub('containernetworking/plugins', `v${version}`),
    go: {
      module: 'github.com/containernetworking/plugins',
      packages: pluginNames.map(
        (name) => `github.com/containernetworking/plugins/plugins/${pluginKinds[name] ?? 'meta'}/${name}`,
      ),
      versionVariable: 'github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion',
    },
    unsigned: 'the CNI plugins have checksums beside their releases, and no signatures',
    pins: {},
  },
  'cri-o': {
    program: 'crio',
    programs: ['crio', 'pinns', 'conmon'],
    archiveName: (version, arch) => `cri-o.${goArchitecture[arch]}.v${version}.tar.gz`,
    releaseAddress: () => 'https://storage.googleapis.com/cri-o/artifacts',
    releaseNames: (version, arch) => {
      const archive = `cri-o.${goArchitecture[arch]}.v${version}.tar.gz`;
      return { archive, checksum: `${archive}.sha256sum` };
    },
    go: {
      module: 'github.com/cri-o/cri-o',
      packages: ['github.com/cri-o/cri-o/cmd/crio'],
      asDependency: true,
      tags: [...features, ...crioTags],
      libraries: ['libseccomp'],
      native: ['pinns'],
    },
    unsigned: 'CRI-O signs its bundles with keys of sigstore that live for minutes; berth checks checksums',
    pins: {},
  },
};
