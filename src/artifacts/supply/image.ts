import { Fail } from '../../core/fail.ts';
import { cachedBlob } from '../cache.ts';
import { type LockInUse, lockedFor, notInBundle } from '../lock/in-use.ts';
import type { LockedImage } from '../lock/lock.ts';
import type { Architecture } from '../pins.ts';
import type { Work } from '../report.ts';
import { imageOf, redisImage, type ServedImage } from '../walkthrough/image.ts';

/** The image of the walk-through: the locked one where there is a lock. */
export async function supplyImage(
  arch: Architecture,
  work: Work,
  inUse: LockInUse | undefined,
): Promise<ServedImage> {
  if (inUse === undefined) return redisImage(arch, work);
  const locked = lockedFor(inUse.lock.image, arch, inUse, "the walk-through's image");
  const known = await fromCache(locked);
  if (known !== undefined) return known;
  if (inUse.bundle !== undefined) throw notInBundle(inUse.bundle, `the walk-through's image for ${arch}`);
  const made = await redisImage(arch, work);
  if (made.index.sha256 === locked.index.sha256) return made;
  throw new Fail(
    'ChecksumMismatch',
    `the walk-through's image for ${arch} has digest sha256:${made.index.sha256}; ${inUse.file} has sha256:${locked.index.sha256}`,
    {
      hint: 'the distribution has newer packages of redis: berth lock --upgrade image takes them, or apply with the bundle that has the locked ones',
    },
  );
}

async function fromCache(locked: LockedImage): Promise<ServedImage | undefined> {
  const [index, manifest, ...blobs] = await Promise.all(
    [locked.index, locked.manifest, ...locked.blobs].map(({ sha256 }) => cachedBlob(sha256)),
  );
  const whole = blobs.filter((blob) => blob !== undefined);
  if (index === undefined || manifest === undefined || whole.length !== locked.blobs.length) return undefined;
  return imageOf(index, manifest, whole);
}
