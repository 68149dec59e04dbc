import { Fail } from '../../core/fail.ts';
import { cachedBlob } from '../cache.ts';
import { type BundleInUse, type LockInUse, lockedFor, notInBundle } from '../lock/in-use.ts';
import type { LockedRelease } from '../lock/lock.ts';
import type { Architecture } from '../pins.ts';
import { buildRelease, type Release } from '../release/build.ts';
import type { Work } from '../report.ts';

/** berth's own release: the one of the bundle, or the one that this berth builds, which must be the locked one. */
export async function supplyRelease(
  arch: Architecture,
  work: Work,
  inUse: LockInUse | undefined,
): Promise<Release> {
  if (inUse === undefined) return buildRelease(arch, work);
  const locked = lockedFor(inUse.lock.release, arch, inUse, "berth's release");
  if (inUse.bundle !== undefined) return fromBundle(locked, inUse.bundle);
  const built = await buildRelease(arch, work);
  requireLocked(built, locked, inUse.file);
  return built;
}

async function fromBundle({ version, files }: LockedRelease, bundle: BundleInUse): Promise<Release> {
  const found = await Promise.all(
    Object.entries(files).map(async ([name, { sha256, mode }]) => {
      const file = await cachedBlob(sha256);
      if (file === undefined) throw notInBundle(bundle, `${name} of berth ${version}`);
      return { name, mode: Number.parseInt(mode, 8), ...file };
    }),
  );
  return { version, files: found };
}

function requireLocked(built: Release, locked: LockedRelease, file: string): void {
  for (const { name, sha256 } of built.files) {
    const expected = locked.files[name]?.sha256;
    if (expected === sha256) continue;
    throw new Fail(
      'ChecksumMismatch',
      `berth ${built.version}: ${name} has sha256 ${sha256}; ${file} has ${expected ?? 'no such file'}, of berth ${locked.version}`,
      {
        hint: 'use the berth that wrote the lock, or take this one with berth lock',
        context: { name, actual: sha256, expected },
      },
    );
  }
  if (built.version === locked.version) return;
  throw new Fail('ChecksumMismatch', `this is berth ${built.version}; ${file} has berth ${locked.version}`, {
    hint: 'use the berth that wrote the lock, or take this one with berth lock',
  });
}
