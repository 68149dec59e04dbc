import type { ArtifactName } from '../artifacts/pins.ts';
import type { ArtifactSources } from '../artifacts/sources.ts';
import type { ProgramSource, ReleaseChecksums, Spec } from '../profile/profile.ts';

/** Something that is fetched or built on this machine, for hosts. */
export interface WantedArtifact {
  readonly name: ArtifactName;
  readonly version: string;
  readonly sources: ArtifactSources;
}

/** What hosts of this spec get besides berth's own release. */
export function wantedArtifacts(spec: Spec): WantedArtifact[] {
  const { crictl, engine, cni, ociRuntimes, kubernetes, artifacts } = spec;
  return [
    ...(crictl.source === 'pinned'
      ? [{ name: 'crictl', version: crictl.version, sources: artifacts } as const]
      : []),
    ...engineArtifact(engine, artifacts),
    ...ociRuntimes.flatMap(({ name, ...runtime }) => programArtifact(name, runtime, artifacts)),
    ...programArtifact('cni-plugins', cni.plugins, artifacts),
    ...kubernetesArtifacts(kubernetes, artifacts),
  ];
}

const kubernetesArtifacts = (kubernetes: Spec['kubernetes'], sources: ArtifactSources): WantedArtifact[] =>
  kubernetes?.source === 'artifacts'
    ? (['kubelet', 'kubeadm', 'kubectl'] as const).map((name) => ({
        name,
        version: kubernetes.version,
        sources,
      }))
    : [];

function engineArtifact(
  { name, version, source, sha256, buildTags }: Spec['engine'],
  artifacts: ArtifactSources,
): WantedArtifact[] {
  if (name !== 'cri-o' || version === undefined) return [];
  if (source === 'static') return [{ name, version, sources: released(artifacts, sha256) }];
  if (source !== 'source') return [];
  return [
    {
      name,
      version,
      sources: { ...artifacts, source: 'go', ...(buildTags === undefined ? {} : { tags: buildTags }) },
    },
  ];
}

function programArtifact(
  name: Exclude<ArtifactName, 'crictl' | 'cri-o' | 'kubelet' | 'kubeadm' | 'kubectl'>,
  {
    source,
    version,
    sha256,
  }: {
    readonly source: ProgramSource;
    readonly version?: string | undefined;
    readonly sha256?: ReleaseChecksums | undefined;
  },
  artifacts: ArtifactSources,
): WantedArtifact[] {
  if (source === 'package' || version === undefined) return [];
  // What is written in C is built on the host: this machine fetches the source as it would a release.
  const isBuiltHere = source === 'source' && name !== 'bwrap-oci';
  return [
    { name, version, sources: isBuiltHere ? { ...artifacts, source: 'go' } : released(artifacts, sha256) },
  ];
}

/** By the ways of spec.artifacts that bring what the project published. */
const released = (artifacts: ArtifactSources, sha256: ReleaseChecksums | undefined): ArtifactSources => ({
  ...artifacts,
  source: artifacts.source === 'go' ? 'release' : artifacts.source,
  built: false,
  ...(sha256 === undefined
    ? {}
    : {
        sha256: {
          ...(sha256.x64 === undefined ? {} : { x64: sha256.x64 }),
          ...(sha256.arm64 === undefined ? {} : { arm64: sha256.arm64 }),
        },
      }),
});
