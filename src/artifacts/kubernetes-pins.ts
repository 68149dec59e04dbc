/* The programs of Kubernetes: one release, one module, and the folder of dl.k8s.io that mirrors copy as it is. */

type Program = 'kubelet' | 'kubeadm' | 'kubectl';

/** As dl.k8s.io names them. pins.ts, which reads this file, checks its forms. */
const goName = { x64: 'amd64', arm64: 'arm64' } as const;
type Architecture = keyof typeof goName;

/** hack/lib/version.sh of Kubernetes sets these; the archive of a module knows no commit. */
const variables = (version: string): Readonly<Record<string, string>> => {
  const [major = '', minor = ''] = version.split('.');
  return Object.fromEntries(
    ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((name) => [
      [`${name}.gitVersion`, `v${version}`],
      [`${name}.gitMajor`, major],
      [`${name}.gitMinor`, minor],
      [`${name}.gitTreeState`, 'archive'],
    ]),
  );
};

/**
 * `go install` refuses k8s.io/kubernetes: its go.mod leads the modules of its staging folder to folders, and the module has
 * none of them. They are published beside it, as v0.MINOR.PATCH.
 */
const go = (program: Program) => ({
  module: 'k8s.io/kubernetes',
  packages: [`k8s.io/kubernetes/cmd/${program}`],
  variables,
  staging: (version: string) => `v0${version.slice(version.indexOf('.'))}`,
});

/** The Kubernetes that profiles get when they name none. */
export const KUBERNETES_VERSION = '1.37.2';

const goModules: Readonly<Record<string, string>> = {
  [KUBERNETES_VERSION]: 'h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE=',
};

const spec = (program: Program) => ({
  program,
  form: 'program' as const,
  archiveName: (version: string, arch: Architecture) => `${program}-v${version}-linux-${goName[arch]}`,
  releaseAddress: (version: string, arch: Architecture) =>
    `https://dl.k8s.io/v${version}/bin/linux/${goName[arch]}`,
  releaseNames: () => ({ archive: program, checksum: `${program}.sha256` }),
  go: go(program),
  unsigned:
    'Kubernetes signs its programs with keys of sigstore that live for minutes; berth checks checksums',
  pins: Object.fromEntries(
    Object.entries(goModules).map(([version, goModule]) => [version, { archives: {}, goModule }]),
  ),
});

export const kubernetesSpecs = {
  kubelet: spec('kubelet'),
  kubeadm: spec('kubeadm'),
  kubectl: spec('kubectl'),
};
