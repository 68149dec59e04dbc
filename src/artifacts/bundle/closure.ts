import type { Lock } from '../lock/lock.ts';
import { memberPaths } from './manifest.ts';

/** A file that a lock names, and where it lies in a bundle. */
export interface ClosureFile {
  readonly member: string;
  /** In words, for messages. */
  readonly what: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Every file that a lock names, each place once. */
export function closureOf(lock: Lock): ClosureFile[] {
  const files = [...programs(lock), ...releases(lock), ...images(lock), ...packages(lock)];
  return [...new Map(files.map((file) => [file.member, file])).values()];
}

const programs = ({ artifacts }: Lock): ClosureFile[] =>
  Object.entries(artifacts).flatMap(([key, { files }]) =>
    Object.entries(files).map(([arch, { sha256, bytes }]) => ({
      member: memberPaths.program(key, arch),
      what: `${key} for ${arch}`,
      sha256,
      bytes,
    })),
  );

const releases = ({ release }: Lock): ClosureFile[] =>
  Object.entries(release).flatMap(([arch, { version, files }]) =>
    Object.entries(files).map(([name, { sha256, bytes }]) => ({
      member: memberPaths.release(arch, name),
      what: `${name} of berth ${version} for ${arch}`,
      sha256,
      bytes,
    })),
  );

const images = ({ image = {} }: Lock): ClosureFile[] =>
  Object.entries(image).flatMap(([arch, { index, manifest, blobs }]) =>
    [index, manifest, ...blobs].map(({ sha256, bytes }) => ({
      member: memberPaths.image(sha256),
      what: `the walk-through's image for ${arch}`,
      sha256,
      bytes,
    })),
  );

const packages = ({ packages: all = {} }: Lock): ClosureFile[] =>
  Object.entries(all).flatMap(([distribution, { packages: closure }]) =>
    Object.entries(closure).map(([name, { version, file, sha256, bytes }]) => ({
      member: memberPaths.packages(distribution, file),
      what: `${name} ${version} of ${distribution}`,
      sha256,
      bytes,
    })),
  );
