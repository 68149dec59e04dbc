import type { Lock } from '../artifacts/lock/lock.ts';
import type { Architecture } from '../artifacts/pins.ts';
import { buildRelease } from '../artifacts/release/build.ts';
import type { FlowContext } from './context.ts';
import { artifactsOf, needsImage } from './lock.ts';
import type { LockOptions } from './lock-options.ts';
import { distributionsOf, isEnough } from './lock-packages.ts';

/** What the profile needs and the lock does not have, or has otherwise; empty: `berth lock` would change nothing. */
export async function checkLock(context: FlowContext, lock: Lock, options: LockOptions): Promise<string[]> {
  const { architectures } = options;
  return [
    ...checkArtifacts(context, lock, architectures),
    ...(await checkReleases(context, lock, architectures)),
    ...checkImages(context, lock, architectures),
    ...(options.packages ? await checkPackages(context, lock) : []),
  ];
}

function checkArtifacts(
  { profile }: FlowContext,
  lock: Lock,
  architectures: readonly Architecture[],
): string[] {
  const needed = new Set(artifactsOf(profile.hosts).keys());
  const lacking = [...needed].flatMap((key) =>
    architectures
      .filter((arch) => lock.artifacts[key]?.files[arch] === undefined)
      .map((arch) => `${key} for ${arch} is not locked`),
  );
  const unneeded = Object.keys(lock.artifacts).filter((key) => !needed.has(key));
  return [...lacking, ...unneeded.map((key) => `${key} is locked, and no host needs it`)];
}

async function checkReleases(
  { emit, signal }: FlowContext,
  lock: Lock,
  architectures: readonly Architecture[],
): Promise<string[]> {
  const found: string[] = [];
  for (const arch of architectures) {
    const { version } = await buildRelease(arch, { emit, signal });
    const locked = lock.release[arch]?.version;
    if (locked === undefined) found.push(`berth's release for ${arch} is not locked`);
    else if (locked !== version)
      found.push(`berth ${locked} is locked for ${arch}; this is berth ${version}`);
  }
  return found;
}

function checkImages({ profile }: FlowContext, lock: Lock, architectures: readonly Architecture[]): string[] {
  if (!needsImage(profile.hosts))
    return lock.image === undefined ? [] : ["the walk-through's image is locked, and no host needs it"];
  return architectures
    .filter((arch) => lock.image?.[arch] === undefined)
    .map((arch) => `the walk-through's image for ${arch} is not locked`);
}

async function checkPackages(context: FlowContext, lock: Lock): Promise<string[]> {
  const distributions = await distributionsOf(context);
  return distributions.flatMap(({ key, wanted }) => {
    const locked = lock.packages?.[key];
    if (locked === undefined) return [`the packages of ${key} are not locked`];
    if (isEnough(locked, wanted)) return [];
    const lacking = wanted.filter((name) => locked.packages[name] === undefined);
    return [`packages of ${key} that are not locked: ${lacking.join(', ')}`];
  });
}
