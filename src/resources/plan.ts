import type { Facts } from '../host/facts/probe.ts';
import type { Change, HostPlan } from './change.ts';
import { planFile, planLink } from './file.ts';
import { planModule } from './module.ts';
import { fileOrigins, restoreFile, restoreUnit, unitOrigins } from './origins.ts';
import { planPackages } from './packages.ts';
import { planRelease } from './release.ts';
import type { ReleaseResource, Resource, UnitResource } from './resource.ts';
import { planSysctl } from './sysctl.ts';
import { type Disturbance, planReload, planUnit } from './unit.ts';

/**
 * What differs between the resources and the facts, in the order in which it must be carried out: things
 * before the services that use them. What berth brought earlier and the profile no longer wants goes.
 */
export function planResources(resources: readonly Resource[], facts: Facts): Omit<HostPlan, 'host'> {
  const changes: Change[] = [];
  const notes: string[] = [];
  for (const resource of resources) {
    const planned = planThing(resource, facts);
    changes.push(...planned.changes);
    notes.push(...planned.notes);
  }
  changes.push(...planObsolete(resources, facts));
  changes.push(...planServices(resources, facts, changes));
  if (facts.install.interrupted !== undefined) {
    const { by, step } = facts.install.interrupted;
    notes.push(
      `an apply by ${by.replace('\t', ' at ')} was cut off${step === '' ? '' : ` at ${step}`}; this one finishes it`,
    );
  }
  return { changes, notes };
}

function planThing(resource: Resource, facts: Facts): { changes: Change[]; notes: string[] } {
  const only = (changes: Change[]) => ({ changes, notes: [] });
  switch (resource.kind) {
    case 'file':
      return only(planFile(resource, facts));
    case 'link':
      return only(planLink(resource, facts));
    case 'packages':
      return only(planPackages(resource, facts));
    case 'module':
      return only(planModule(resource, facts));
    case 'sysctl':
      return planSysctl(resource, facts);
    case 'release':
      return only(planRelease(resource, facts));
    case 'unit':
      // After everything that they run or read.
      return only([]);
  }
}

/** Files and units of earlier applies that no resource names any more. Releases look after themselves. */
function planObsolete(resources: readonly Resource[], facts: Facts): Change[] {
  const paths = new Set(
    resources.flatMap((resource) =>
      resource.kind === 'file' || resource.kind === 'link' ? [resource.path] : [],
    ),
  );
  const units = new Set(resources.flatMap((resource) => (resource.kind === 'unit' ? [resource.name] : [])));
  const release = resources.find((resource) => resource.kind === 'release');
  const isRelease = (path: string) => release !== undefined && path.startsWith(`${release.root}/`);
  return [
    ...unitOrigins(facts)
      .filter(({ name }) => !units.has(name))
      .flatMap((origin) => restoreUnit(origin, facts)),
    ...fileOrigins(facts)
      .filter(({ path }) => !paths.has(path) && !isRelease(path))
      .flatMap((origin) => restoreFile(origin, facts)),
  ];
}

function planServices(resources: readonly Resource[], facts: Facts, before: readonly Change[]): Change[] {
  const units = resources.filter((resource): resource is UnitResource => resource.kind === 'unit');
  const disturbance: Disturbance = {
    stale: new Set([...facts.install.stale, ...before.flatMap((change) => change.makesStale ?? [])]),
    written: new Set(
      before.flatMap((change) => change.steps.flatMap((step) => (step.kind === 'run' ? [] : [step.path]))),
    ),
    release: resources.find((resource): resource is ReleaseResource => resource.kind === 'release'),
  };
  return [
    ...planReload(units, facts, disturbance),
    ...units.flatMap((unit) => planUnit(unit, facts, disturbance)),
  ];
}
