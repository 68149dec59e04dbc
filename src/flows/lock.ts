import { fetchWithOrigin } from '../artifacts/fetch.ts';
import {
  artifactKey,
  type Lock,
  type LockedArtifact,
  type LockedImage,
  type LockedRelease,
} from '../artifacts/lock/lock.ts';
import { type Architecture, artifactSpecs } from '../artifacts/pins.ts';
import { buildRelease, npmPackagesOf } from '../artifacts/release/build.ts';
import { npmSignature } from '../artifacts/release/npm-signature.ts';
import type { Work } from '../artifacts/report.ts';
import { redisImage } from '../artifacts/walkthrough/image.ts';
import { Fail } from '../core/fail.ts';
import { type WantedArtifact, wantedArtifacts } from '../node/artifacts.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { isUpgraded, type LockOptions } from './lock-options.ts';
import { lockDistributions } from './lock-packages.ts';
import { inPhase } from './on-hosts.ts';

const here = 'this machine';

/** What the lock of the profile should be: as it was where that still fits, completed where it lacks something. */
export async function makeLock(
  context: FlowContext,
  before: Lock | undefined,
  options: LockOptions,
): Promise<Lock> {
  return inPhase(context, here, 'prepare', async () => {
    const work = { emit: context.emit, signal: context.signal };
    const artifacts = await lockArtifacts(context.profile.hosts, before, options, work);
    const release = await forEach(options.architectures, (arch) => lockRelease(arch, before, work));
    const image = needsImage(context.profile.hosts)
      ? { image: await forEach(options.architectures, (arch) => lockImage(arch, before, options, work)) }
      : {};
    const packages = options.packages ? { packages: await lockDistributions(context, before, options) } : {};
    return {
      version: 1,
      architectures: [...options.architectures],
      artifacts,
      release,
      ...image,
      ...packages,
    };
  });
}

export const needsImage = (hosts: readonly HostEntry[]): boolean =>
  hosts.some(({ spec: { verify } }) => verify.imageSource === 'embedded' && verify.level !== 'smoke');

/** One after the other: builds and downloads want the whole machine. */
async function forEach<Value>(
  architectures: readonly Architecture[],
  make: (arch: Architecture) => Promise<Value>,
): Promise<Partial<Record<Architecture, Value>>> {
  const made: Partial<Record<Architecture, Value>> = {};
  for (const arch of architectures) made[arch] = await make(arch);
  return made;
}

async function lockArtifacts(
  hosts: readonly HostEntry[],
  before: Lock | undefined,
  options: LockOptions,
  work: Work,
): Promise<Lock['artifacts']> {
  const locked: Record<string, LockedArtifact> = {};
  for (const [key, wanted] of artifactsOf(hosts)) {
    const known = isUpgraded(options, wanted.name) ? undefined : before?.artifacts[key];
    locked[key] = await lockArtifact(wanted, known, options, work);
  }
  return locked;
}

/** What the hosts need from this machine, by its name in the lock. */
export const artifactsOf = (hosts: readonly HostEntry[]): ReadonlyMap<string, WantedArtifact> =>
  new Map(
    hosts.flatMap(({ spec }) =>
      wantedArtifacts(spec).map((wanted) => [artifactKey(wanted.name, wanted.version), wanted] as const),
    ),
  );

async function lockArtifact(
  { name, version, sources }: WantedArtifact,
  known: LockedArtifact | undefined,
  options: LockOptions,
  work: Work,
): Promise<LockedArtifact> {
  const fresh = isUpgraded(options, name);
  const files = await forEach(options.architectures, async (arch) => {
    const { sha256, bytes, from } =
      known?.files[arch] ?? (await fetchWithOrigin(name, version, arch, sources, work, { fresh }));
    return { sha256, bytes, from };
  });
  return { signature: { kind: 'none', why: artifactSpecs[name].unsigned }, files };
}

/** Always that of this berth: there is no other that it could install. */
async function lockRelease(arch: Architecture, before: Lock | undefined, work: Work): Promise<LockedRelease> {
  const { version, files } = await buildRelease(arch, work);
  const packages = new Map(await npmPackagesOf(arch));
  const locked: Record<string, LockedRelease['files'][string]> = {};
  for (const { name, sha256, bytes, mode } of files) {
    const file = { sha256, bytes, mode: `0${mode.toString(8)}` };
    const from = packages.get(name);
    if (from === undefined) {
      locked[name] = file;
      continue;
    }
    const known = before?.release[arch]?.files[name]?.npm;
    // Who could not ask now has asked before: an answer is not forgotten.
    const asked = await npmSignature(from, work);
    const signature = known?.integrity === from.integrity && asked.kind === 'none' ? known.signature : asked;
    const { name: npmName, version: npmVersion, integrity, address } = from;
    locked[name] = { ...file, npm: { package: npmName, version: npmVersion, integrity, address, signature } };
  }
  return { version, files: locked };
}

async function lockImage(
  arch: Architecture,
  before: Lock | undefined,
  options: LockOptions,
  work: Work,
): Promise<LockedImage> {
  const fresh = isUpgraded(options, 'image');
  const known = fresh ? undefined : before?.image?.[arch];
  if (known !== undefined) return known;
  const { index, manifest, blobs } = await redisImage(arch, work, { fresh });
  const digestOf = ({ sha256, bytes }: { sha256: string; bytes: number }) => ({ sha256, bytes });
  return { index: digestOf(index), manifest: digestOf(manifest), blobs: blobs.map(digestOf) };
}

/** @throws Fail `BadUsage` when there is no lock to work from */
export function requireLock(lock: Lock | undefined, file: string): Lock {
  if (lock === undefined)
    throw new Fail('BadUsage', `there is no ${file}`, {
      hint: 'write it with berth lock, look at it, and keep it beside the profile',
    });
  return lock;
}
