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
}

interface Found {
  readonly plan: HostPlan;
}

/** Surveys all hosts, shows the plan, and with consent changes those that differ. A host that fails does not stop the others. */
export async function changeHosts<Survey extends Found>(
  context: FlowContext,
  { confirm }: Confirmed,
  survey: (host: HostEntry) => Promise<Survey>,
  change: (host: HostEntry, found: Survey) => Promise<void>,
): Promise<Applied> {
  const surveyed = await onHosts(context, context.hosts, survey);
  const plan: Plan = {
    version: 1,
    profile: context.profile.file,
    hosts: [...surveyed.done.values()].map((host) => host.plan),
  };
  const pending = context.hosts.filter(
    (host) => (surveyed.done.get(host.name)?.plan.changes.length ?? 0) > 0,
  );
  if (!(await confirm(plan)) || pending.length === 0)
    return { plan, applied: false, failures: surveyed.failures };
  const changed = await onHosts(context, pending, async (host) => {
    const found = surveyed.done.get(host.name);
    if (found !== undefined) await change(host, found);
  });
  return { plan, applied: true, failures: [...surveyed.failures, ...changed.failures] };
}
