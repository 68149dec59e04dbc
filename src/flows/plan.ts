import type { Plan } from '../resources/change.ts';
import type { FlowContext } from './context.ts';
import { type HostFailure, onHosts } from './on-hosts.ts';
import { surveyor } from './survey.ts';

export interface PlannedHosts extends Plan {
  /** Hosts that could not be planned; the plan has the others. */
  readonly failures: readonly HostFailure[];
}

/** Asks all hosts how they are and says what would change. Changes nothing. */
export async function planHosts(context: FlowContext): Promise<PlannedHosts> {
  const survey = await surveyor(context);
  const { done, failures } = await onHosts(context, context.hosts, survey);
  return {
    version: 1,
    profile: context.profile.file,
    hosts: [...done.values()].map(({ plan }) => plan),
    failures,
  };
}
