import { readFileSync } from 'node:fs';
import { memberPaths } from '../artifacts/bundle/manifest.ts';
import { repositoryIndexes } from '../artifacts/bundle/repository-index.ts';
import { type BundleInUse, type LockInUse, notInBundle, notLocked } from '../artifacts/lock/in-use.ts';
import { distributionKey, type LockedDistribution } from '../artifacts/lock/lock.ts';
import type { Facts, ProbeRequest } from '../host/facts/probe.ts';
import type { BundledPackages, LockedPackages } from '../resources/resource.ts';

/** Which packages travel to a host depends on those that it has: all locked ones are asked for. */
export function withLockedPackages(request: ProbeRequest, lock: LockInUse | undefined): ProbeRequest {
  if (lock?.bundle === undefined) return request;
  const namesFor = (manager: 'apt' | 'dnf'): string[] =>
    Object.values(lock.lock.packages ?? {})
      .filter((distribution) => distribution.manager === manager)
      .flatMap(({ packages }) => Object.keys(packages));
  const { apt, dnf } = request.packages;
  return {
    ...request,
    packages: {
      ...request.packages,
      apt: [...new Set([...apt, ...namesFor('apt')])],
      dnf: [...new Set([...dnf, ...namesFor('dnf')])],
    },
  };
}

/**
 * The locked packages of the host's distribution; undefined: none are locked.
 * @throws Fail `NotLocked` when a package that the host lacks is not among them
 */
export function lockedPackages(
  inUse: LockInUse | undefined,
  facts: Facts,
  wanted: readonly string[],
): LockedPackages | undefined {
  const all = inUse?.lock.packages;
  if (inUse === undefined || all === undefined) return undefined;
  const { os, arch = '' } = facts.system;
  const key = distributionKey(os, arch);
  const absent = wanted.filter((name) => facts.packages.packages.get(name)?.state !== 'installed');
  const distribution = all[key];
  if (distribution === undefined) {
    if (absent.length === 0) return undefined;
    throw notLocked(inUse.file, `the packages of ${key}: ${absent.join(', ')}`);
  }
  const lacking = absent.filter((name) => distribution.packages[name] === undefined);
  if (lacking.length > 0) throw notLocked(inUse.file, `packages of ${key}: ${lacking.join(', ')}`);
  const { packages } = distribution;
  if (inUse.bundle === undefined) return { packages };
  return { packages, bundled: bundled(key, distribution, inUse.bundle) };
}

function bundled(
  key: string,
  { manager, packages }: LockedDistribution,
  bundle: BundleInUse,
): BundledPackages {
  const memberOf = (file: string) => {
    const path = memberPaths.packages(key, file);
    const member = bundle.members.get(path);
    if (member === undefined) throw notInBundle(bundle, path);
    return member;
  };
  const { of: indexOf } = repositoryIndexes[manager];
  return {
    files: Object.fromEntries(Object.entries(packages).map(([name, { file }]) => [name, memberOf(file)])),
    index: (files) => indexOf((path) => readFileSync(memberOf(path).path, 'utf8'), files),
  };
}
