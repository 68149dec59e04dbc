import type { Plan } from '../resources/change.ts';
import type { FlowContext } from './context.ts';
import { lackingMachines } from './machines.ts';
import { type HostFailure, onHosts } from './on-hosts.ts';
import type { PlannedHost } from './saved-plan.ts';
import { surveyor } from './survey.ts';

export interface PlannedHosts {
  readonly plan: Plan;
  /** With what the plan of each was decided from, in the order of the profile; of hosts whose machines run. */
  readonly planned: readonly PlannedHost[];
  /** Hosts that could not be planned; the plan has the others. */
  readonly failures: readonly HostFailure[];
  readonly notBegun: readonly string[];
}

/** Asks all hosts how they are and says what would change. Changes nothing. */
export async function planHosts(context: FlowContext): Promise<PlannedHosts> {
  const machines = await lackingMachines(context);
  const survey = await surveyor(context, { toChange: true });
  const { done, failures, notBegun } = await onHosts(
    context,
    machines.ready,
    survey,
    machines.failures.length,
  );
  const planned = [...done.values()];
  const plans = [...machines.plan.hosts, ...planned.map((host) => host.plan)];
  const plan: Plan = {
    version: 1,
    profile: context.profile.file,
    hosts: context.hosts.flatMap(({ name }) => plans.filter(({ host }) => host === name)),
  };
  return { plan, planned, failures: [...machines.failures, ...failures], notBegun };
}
