import type { HostEntry } from '../profile/profile.ts';
import type { HostPlan, Plan } from '../resources/change.ts';
import type { FlowContext } from './context.ts';
import { type HostFailure, onHosts } from './on-hosts.ts';

export interface Confirmed {
  /** Shown the plan before anything is changed; false leaves every host as it is. */
  readonly confirm: (plan: Plan) => Promise<boolean>;
}

export interface Applied {
  readonly plan: Plan;
  /** Changes were made. */
  readonly applied: boolean;
  /** Hosts that are not as they should be, and why; what was done on them stays, the next run goes on. */
  readonly failures: readonly HostFailure[];
  /** Hosts that were left as they are because too many others had failed. */
  readonly notBegun: readonly string[];
}

/** And what changing each host came to, by name. */
export interface Changed<Made> extends Applied {
  readonly made: ReadonlyMap<string, Made>;
}

interface Found {
  readonly plan: HostPlan;
}

/** Surveys all hosts, shows the plan, and with consent changes those that differ. A host that fails does not stop the others. */
export async function changeHosts<Survey extends Found, Made>(
  context: FlowContext,
  { confirm }: Confirmed,
  survey: (host: HostEntry) => Promise<Survey>,
  change: (host: HostEntry, found: Survey) => Promise<Made>,
): Promise<Changed<Made>> {
  const surveyed = await onHosts(context, context.hosts, survey);
  const plan: Plan = {
    version: 1,
    profile: context.profile.file,
    hosts: [...surveyed.done.values()].map((host) => host.plan),
  };
  const pending = context.hosts.filter(
    (host) => (surveyed.done.get(host.name)?.plan.changes.length ?? 0) > 0,
  );
  const { failures } = surveyed;
  const nothing = { plan, applied: false, failures, made: new Map<string, Made>() };
  if (failures.length >= (context.maxFailures ?? Number.POSITIVE_INFINITY)) {
    const waiting = new Set([...surveyed.notBegun, ...pending.map(({ name }) => name)]);
    const notBegun = context.hosts.flatMap(({ name }) => (waiting.has(name) ? [name] : []));
    return { ...nothing, notBegun };
  }
  if (!(await confirm(plan)) || pending.length === 0) return { ...nothing, notBegun: [] };
  const made = new Map<string, Made>();
  const work = async (host: HostEntry) => {
    const found = surveyed.done.get(host.name);
    if (found !== undefined) made.set(host.name, await change(host, found));
  };
  const changed = await onHosts(context, pending, work, failures.length);
  const { notBegun } = changed;
  return { plan, applied: true, failures: [...failures, ...changed.failures], notBegun, made };
}
