/** Processor architectures of hosts, as Node names them. */
export type Architecture = 'x64' | 'arm64';

export type ArtifactName = 'crictl';

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

export interface ArtifactSpec {
  /** Name of the program inside the archive. */
  readonly program: string;
  readonly archiveName: (version: string, arch: Architecture) => string;
  readonly releaseAddress: (version: string) => string;
  readonly go: { readonly module: string; readonly package: string; readonly versionVariable: string };
  /** Why nothing but checksums says who made a release. */
  readonly unsigned: string;
  /** By version. A version that is not here is decided by what is published beside it, or by the Go checksum database. */
  readonly pins: Readonly<Record<string, Pin>>;
}

/** The crictl that profiles get when they name none; test/run.sh reads it here. */
const CRICTL_VERSION = '1.37.0';

/** Architectures as Go and most release pages name them. */
export const goArchitecture = { x64: 'amd64', arm64: 'arm64' } as const;

export const artifactSpecs: Readonly<Record<ArtifactName, ArtifactSpec>> = {
  crictl: {
    program: 'crictl',
    archiveName: (version, arch) => `crictl-v${version}-linux-${goArchitecture[arch]}.tar.gz`,
    releaseAddress: (version) => `https://github.com/kubernetes-sigs/cri-tools/releases/download/v${version}`,
    go: {
      module: 'sigs.k8s.io/cri-tools',
      package: 'sigs.k8s.io/cri-tools/cmd/crictl',
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
};
