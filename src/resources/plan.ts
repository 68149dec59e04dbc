import { howItEnded, type Interrupted } from '../host/facts/install.ts';
import type { Facts } from '../host/facts/probe.ts';
import { planBuilt } from './built.ts';
import { type Change, type HostPlan, obsoleteTag } from './change.ts';
import { planContext } from './context.ts';
import { planEntry, removeEntry } from './entry.ts';
import { planFile, planLink } from './file.ts';
import { planModule } from './module.ts';
import { fileOrigins, restoreFile, restoreUnit, unitOrigins } from './origins.ts';
import { planPackages } from './packages.ts';
import { planRelease } from './release.ts';
import { planForeignReloads } from './reload.ts';
import type { ReleaseResource, Resource, UnitResource } from './resource.ts';
import { isSelected, selectServices } from './select-services.ts';
import { filesReadBy, runsWithOlder } from './stale.ts';
import { planNoSwap, resumeSwap } from './swap.ts';
import { planSysctl } from './sysctl.ts';
import { type Disturbance, planEnable, planReload, planRunning } from './unit.ts';

/**
 * What differs between the resources and the facts, in the order in which it must be carried out: things
 * before the services that use them. What berth brought earlier and the profile no longer wants goes.
 * With `tags`, only what bears one of them; `selectServices` says what that means for services.
 */
export function planResources(
  resources: readonly Resource[],
  facts: Facts,
  tags?: readonly string[],
): Omit<HostPlan, 'host'> {
  const things: Change[] = [];
  const notes: string[] = [];
  for (const resource of resources) {
    const planned = planThing(resource, facts);
    things.push(...tagged(planned.changes, resource.tag));
    if (isSelected(resource.tag, tags)) notes.push(...planned.notes);
  }
  things.push(...tagged(planObsolete(resources, facts), obsoleteTag));
  const selected = things.filter(({ tag }) => isSelected(tag, tags));
  const services = planServices(resources, facts, selected);
  const chosen = selectServices(services, { things, tags });
  notes.push(...chosen.notes);
  if (facts.install.interrupted !== undefined) notes.push(noteOf(facts.install.interrupted));
  const differing = [...selected, ...chosen.changes];
  const changes = [...confirmGuard(facts), ...differing];
  if (tags === undefined) return { changes, notes };
  return { changes, notes, otherTags: things.length + services.length - differing.length };
}

/** An apply does not finish a rollback. */
const noteOf = (interrupted: Interrupted): string => {
  if (interrupted.kind !== 'apply') return howItEnded(interrupted);
  return `${howItEnded(interrupted)}; this one ${interrupted.end === 'failed' ? 'goes on from there' : 'finishes it'}`;
};

/** The new connection itself confirms; without a change there would be none, and the guard would undo what is right. */
const confirmGuard = ({ install }: Facts): Change[] =>
  install.guarded
    ? [
        {
          id: 'guard',
          action: 'set',
          summary: 'keep what an apply that was cut off changed under guard',
          steps: [],
        },
      ]
    : [];

const tagged = (changes: readonly Change[], tag: string | undefined): Change[] =>
  tag === undefined ? [...changes] : changes.map((change) => ({ ...change, tag }));

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
    case 'entry':
      return only(planEntry(resource, facts));
    case 'context':
      return only(planContext(resource, facts));
    case 'no-swap':
      return only(planNoSwap(facts));
    case 'built':
      return only(planBuilt(resource, facts));
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
  // Where another engine runs, the last release stays for the way back.
  const root = release?.root ?? facts.releases.root;
  const isRelease = (path: string) => path.startsWith(`${root}/`);
  // What the doctor mended was not for a profile: reset alone undoes it.
  const mended = new Set(
    facts.install.origins.flatMap((origin) => (origin.kind === 'fix' ? [origin.name] : [])),
  );
  return [
    ...unitOrigins(facts)
      .filter(({ name }) => !units.has(name) && !mended.has(name))
      .flatMap((origin) => restoreUnit(origin, facts)),
    ...fileOrigins(facts)
      .filter(({ path }) => !paths.has(path) && !isRelease(path) && !mended.has(path))
      .flatMap((origin) =>
        restoreFile(origin, facts).map((change) => disturbing(change, origin.path, resources)),
      ),
    ...planObsoleteEntries(resources, facts),
  ];
}

/** Nobody names the file any more, but who reads its folder runs with it. */
function disturbing(change: Change, path: string, resources: readonly Resource[]): Change {
  const makesStale = resources.flatMap((resource) =>
    resource.kind === 'unit' && resource.reads?.some((folder) => path.startsWith(folder))
      ? [resource.name]
      : [],
  );
  return makesStale.length === 0 ? change : { ...change, makesStale };
}

function planObsoleteEntries(resources: readonly Resource[], facts: Facts): Change[] {
  const entries = new Set(
    resources.flatMap((resource) =>
      resource.kind === 'entry' ? [`${resource.system}:${resource.name}`] : [],
    ),
  );
  const mayNotSwap = resources.some((resource) => resource.kind === 'no-swap');
  return facts.install.origins.flatMap((origin) => {
    if (origin.kind !== 'undo' || entries.has(origin.name)) return [];
    return [...removeEntry(origin.name, facts), ...(mayNotSwap ? [] : resumeSwap(origin, facts))];
  });
}

function planServices(resources: readonly Resource[], facts: Facts, before: readonly Change[]): Change[] {
  const units = resources.filter((resource): resource is UnitResource & Resource => resource.kind === 'unit');
  const disturbance: Disturbance = {
    stale: new Set([
      ...units
        .map(({ name }) => name)
        .filter((name) => runsWithOlder(name, filesReadBy(name, resources, facts), facts)),
      ...before.flatMap((change) => change.makesStale ?? []),
    ]),
    written: new Set(
      before.flatMap((change) => change.steps.flatMap((step) => (step.kind === 'run' ? [] : [step.path]))),
    ),
    release: resources.find((resource): resource is ReleaseResource => resource.kind === 'release'),
  };
  const reload = planReload(units, facts, disturbance);
  return [
    ...planForeignReloads(facts, before),
    ...units.flatMap((unit) => tagged(planEnable(unit, facts, disturbance, reload.length > 0), unit.tag)),
    ...reload,
    ...units.flatMap((unit) => tagged(planRunning(unit, facts, disturbance), unit.tag)),
  ];
}
