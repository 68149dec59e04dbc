import {
  distributionKey,
  type Lock,
  type LockedDistribution,
  type LockedPackage,
} from '../artifacts/lock/lock.ts';
import { Fail } from '../core/fail.ts';
import type { Facts } from '../host/facts/probe.ts';
import { resolvePackages } from '../host/packages/resolve.ts';
import type { Connection } from '../host/transport/connection.ts';
import { probeRequest, requireSupported } from '../node/node.ts';
import { packagesFor } from '../node/packages.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import type { LockOptions } from './lock-options.ts';
import { onBareHost, requireBase } from './on-base.ts';
import { inPhase, onHosts } from './on-hosts.ts';
import { named, probeHost } from './survey.ts';

/** Hosts of the same distribution, release and architecture, and the packages that any of them wants. */
export interface Distribution {
  readonly key: string;
  readonly manager: 'apt' | 'dnf';
  readonly wanted: readonly string[];
  /** The first of them: its repositories are asked. */
  readonly connection: Connection;
}

interface Asked {
  readonly connection: Connection;
  readonly facts: Facts;
  readonly wanted: readonly string[];
}

/** Asks all hosts what they are. Changes nothing. @throws the first host's failure: half a lock would be a trap */
export async function distributionsOf(context: FlowContext): Promise<Distribution[]> {
  const { done, failures } = await onHosts(context, context.hosts, (host) => ask(context, host));
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  const groups = Map.groupBy(done.values(), ({ facts: { system } }) =>
    distributionKey(system.os, system.arch ?? ''),
  );
  return [...groups].flatMap(([key, members]) => {
    const [first] = members;
    const manager = first?.facts.packages.manager;
    if (first === undefined || manager === undefined) return [];
    const wanted = [...new Set(members.flatMap((member) => member.wanted))].sort();
    return [{ key, manager, wanted, connection: first.connection }];
  });
}

async function ask(context: FlowContext, host: HostEntry): Promise<Asked> {
  const connection = await context.connect(host);
  const facts = await probeHost(context, connection, probeRequest(host.spec));
  named(host.name, () => requireSupported(facts));
  if (facts.system.image !== undefined)
    throw new Fail(
      'Unsupported',
      `${host.name}: its packages are part of its image, which berth cannot lock`,
      {
        hint: 'lock without packages: --no-packages',
      },
    );
  return { connection, facts, wanted: packagesFor(host.spec, facts) };
}

/** The packages of every distribution among the hosts: as the lock has them where that is enough. */
export async function lockDistributions(
  context: FlowContext,
  before: Lock | undefined,
  options: LockOptions,
): Promise<Record<string, LockedDistribution>> {
  const { base } = options;
  if (base === undefined) return lockFound(context, before, options);
  const found = await onBareHost(context, (bare) => lockFound(bare, before, options));
  // Those of other distributions were resolved elsewhere, and stay.
  return { ...before?.packages, ...found };
}

async function lockFound(
  context: FlowContext,
  before: Lock | undefined,
  options: LockOptions,
): Promise<Record<string, LockedDistribution>> {
  const distributions = await distributionsOf(context);
  if (options.base !== undefined) requireBase(options.base, distributions);
  const locked: Record<string, LockedDistribution> = {};
  for (const distribution of distributions) {
    const { key, manager, wanted } = distribution;
    const known = before?.packages?.[key];
    if (known !== undefined && isEnough(known, wanted) && !upgradesPackages(known, options)) {
      locked[key] = known;
      continue;
    }
    const packages = await inPhase(context, distribution.connection.host, 'prepare', () =>
      resolve(context, distribution, heldBy(known, options)),
    );
    locked[key] = { manager, wanted: [...wanted], packages };
  }
  return locked;
}

/** The lock has the packages by these names. */
export const isEnough = ({ packages }: LockedDistribution, wanted: readonly string[]): boolean =>
  wanted.every((name) => packages[name] !== undefined);

const upgradesPackages = ({ packages }: LockedDistribution, { upgrade }: LockOptions): boolean =>
  upgrade === 'all' || upgrade.includes('packages') || upgrade.some((name) => packages[name] !== undefined);

/** What is not to be upgraded keeps its version as long as the repositories have it. */
function heldBy(
  known: LockedDistribution | undefined,
  { upgrade }: LockOptions,
): Record<string, LockedPackage> {
  if (known === undefined || upgrade === 'all' || upgrade.includes('packages')) return {};
  return Object.fromEntries(Object.entries(known.packages).filter(([name]) => !upgrade.includes(name)));
}

async function resolve(
  { signal }: FlowContext,
  { manager, wanted, connection }: Distribution,
  held: Record<string, LockedPackage>,
): Promise<Record<string, LockedPackage>> {
  const packages = await resolvePackages(connection, { manager, names: wanted, held }, signal);
  const lacking = wanted.filter((name) => packages[name] === undefined);
  if (lacking.length === 0) return packages;
  throw new Fail(
    'Fetch',
    `${connection.host}: the repositories have no package by the name ${lacking.join(', ')}`,
    { hint: 'it may be one that others provide: name the package itself in spec.packages.extra' },
  );
}
