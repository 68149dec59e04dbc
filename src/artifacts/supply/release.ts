import { Fail } from '../../core/fail.ts';
import { cachedBlob } from '../cache.ts';
import { type BundleInUse, type LockInUse, lockedFor, notInBundle } from '../lock/in-use.ts';
import type { LockedRelease } from '../lock/lock.ts';
import type { Architecture } from '../pins.ts';
import { buildRelease, ownPrograms, type Release } from '../release/build.ts';
import type { Work } from '../report.ts';

/** berth's own release: the one of the bundle, or the one that this berth builds, which must be the locked one. */
export async function supplyRelease(
  arch: Architecture,
  work: Work,
  inUse: LockInUse | undefined,
): Promise<Release> {
  if (inUse === undefined) return buildRelease(arch, work);
  const locked = lockedFor(inUse.lock.release, arch, inUse, "berth's release");
  if (inUse.bundle !== undefined) {
    // The node's configuration is written by this berth, for the runtime that it knows.
    requireSame(await ownPrograms(), locked, inUse.file);
    return fromBundle(locked, inUse.bundle);
  }
  const built = await buildRelease(arch, work);
  requireSame(built.files, locked, inUse.file);
  requireVersion(built.version, locked, inUse.file);
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

function requireSame(
  files: readonly { readonly name: string; readonly sha256: string }[],
  locked: LockedRelease,
  file: string,
): void {
  for (const { name, sha256 } of files) {
    const expected = locked.files[name]?.sha256;
    if (expected === sha256) continue;
    throw new Fail(
      'ChecksumMismatch',
      `this berth's ${name} has sha256 ${sha256}; ${file} has ${expected ?? 'no such file'}, of berth ${locked.version}`,
      { hint: remedy, context: { name, actual: sha256, expected } },
    );
  }
}

function requireVersion(version: string, locked: LockedRelease, file: string): void {
  if (version === locked.version) return;
  throw new Fail('ChecksumMismatch', `this is berth ${version}; ${file} has berth ${locked.version}`, {
    hint: remedy,
  });
}

const remedy = 'use the berth that wrote the lock, or take this one with berth lock';
