import { type CachedFile, cachedBlob } from '../cache.ts';
import { fetchArtifact } from '../fetch.ts';
import { type LockInUse, lockedFor, notInBundle, notLocked } from '../lock/in-use.ts';
import { artifactKey } from '../lock/lock.ts';
import type { Architecture, ArtifactName } from '../pins.ts';
import type { Work } from '../report.ts';
import type { ArtifactSources } from '../sources.ts';

/** A program for hosts: the locked one where there is a lock, from the bundle alone where there is one. */
export async function supplyProgram(
  name: ArtifactName,
  version: string,
  arch: Architecture,
  sources: ArtifactSources,
  work: Work,
  inUse: LockInUse | undefined,
): Promise<CachedFile> {
  if (inUse === undefined) return fetchArtifact(name, version, arch, sources, work);
  const key = artifactKey(name, version);
  const artifact = inUse.lock.artifacts[key];
  if (artifact === undefined) throw notLocked(inUse.file, key);
  const locked = lockedFor(artifact.files, arch, inUse, key);
  if (inUse.bundle === undefined) return fetchArtifact(name, version, arch, sources, work, locked);
  const file = await cachedBlob(locked.sha256);
  if (file === undefined) throw notInBundle(inUse.bundle, `${key} for ${arch}`);
  return file;
}
