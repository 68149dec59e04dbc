import { type ArtifactName, artifactSpecs } from '../artifacts/pins.ts';
import { supplyEngineKey } from '../artifacts/supply/engine-key.ts';
import { supplyProgram } from '../artifacts/supply/program.ts';
import { supplyRelease } from '../artifacts/supply/release.ts';
import { type Unpacked, unpacked } from '../artifacts/unpack-release.ts';
import { wantedArtifacts } from '../node/artifacts.ts';
import type { Supplies } from '../node/concern.ts';
import { type Repository, repositoriesOf } from '../node/repositories.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';

type Architecture = 'x64' | 'arm64';

/** What decides about the things that a host gets from here. */
export interface SupplyTarget {
  readonly arch: Architecture;
  /** Whose repositories the host reads. */
  readonly manager: 'apt' | 'dnf' | undefined;
}

/**
 * What hosts need from this machine, made once for all that need the same.
 * Every host that waits for it shows the phase.
 */
export function supplyHosts(
  context: FlowContext,
): (host: HostEntry, target: SupplyTarget) => Promise<Supplies> {
  const made = new Map<string, Promise<Supplies>>();
  return (host, target) => {
    const { spec } = host;
    const key = JSON.stringify([target, wantedArtifacts(spec), spec.engine, spec.kubernetes?.source]);
    const supplies = made.get(key) ?? makeSupplies(context, host, target);
    made.set(key, supplies);
    return inPhase(context, host.name, 'prepare', () => supplies);
  };
}

async function makeSupplies(
  context: FlowContext,
  { name: host, spec }: HostEntry,
  { arch, manager }: SupplyTarget,
): Promise<Supplies> {
  const work = { emit: context.emit, signal: context.signal, host };
  const lock = await context.lock?.();
  const artifacts = wantedArtifacts(spec).map(async ({ name, version, sources }) => {
    const file = await step(context, host, name, `${name} ${version}`, () =>
      supplyProgram(name, version, arch, sources, work, lock),
    );
    return [name, await unpacked(artifactSpecs[name], file)] as const;
  });
  const [release, repositoryKeys, ...programs] = await Promise.all([
    step(context, host, 'berth', 'the berth release', () => supplyRelease(arch, work, lock)),
    supplyKeys(context, host, manager === undefined ? [] : repositoriesOf(spec, manager)),
    ...artifacts,
  ]);
  const byName: ReadonlyMap<ArtifactName, Unpacked> = new Map(programs);
  const crictl = byName.get('crictl')?.files[0];
  return {
    release,
    artifacts: byName,
    ...(crictl === undefined ? {} : { crictl }),
    repositoryKeys,
  };
}

async function supplyKeys(
  context: FlowContext,
  host: string,
  repositories: readonly Repository[],
): Promise<NonNullable<Supplies['repositoryKeys']>> {
  // A bundle has the packages, and whose they are was checked when it was made.
  if (repositories.length === 0 || (await context.lock?.())?.bundle !== undefined) return new Map();
  const work = { emit: context.emit, signal: context.signal, host };
  const keys = repositories.map(async ({ project, keyAddress, keySha256 }) => {
    const title = `the key of the repository of ${project}`;
    const key = await step(context, host, `${project}-key`, title, () =>
      supplyEngineKey(keyAddress, keySha256, work),
    );
    return [project, key] as const;
  });
  return new Map(await Promise.all(keys));
}

async function step<T>(
  { emit }: FlowContext,
  host: string,
  id: string,
  title: string,
  make: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  emit({ kind: 'step-started', host, phase: 'prepare', id, title });
  let failed = true;
  try {
    const result = await make();
    failed = false;
    return result;
  } finally {
    const milliseconds = performance.now() - started;
    emit({ kind: 'step-ended', host, phase: 'prepare', id, milliseconds, failed });
  }
}
