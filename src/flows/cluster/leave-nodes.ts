import type { HostEntry } from '../../profile/profile.ts';
import type { HostPlan, Plan } from '../../resources/change.ts';
import { type Changed, type Confirmed, changeHosts } from '../change-hosts.ts';
import type { FlowContext } from '../context.ts';
import type { Surveyed } from '../survey.ts';
import { leaves, rolling } from './drained.ts';
import { planesBeyond } from './speaker.ts';

/**
 * Changes hosts of which some are nodes of a cluster, and are none afterwards. Where a control plane of the profile stays,
 * the plan says what it does for them.
 */
export async function leaveNodes<Made>(
  context: FlowContext,
  { confirm }: Confirmed,
  survey: (host: HostEntry) => Promise<Surveyed>,
  change: (host: HostEntry, found: Surveyed) => Promise<Made>,
): Promise<Changed<Made>> {
  const leaving = new Set<string>();
  const look = async (host: HostEntry): Promise<Surveyed> => {
    const found = await survey(host);
    if (leaves(host, found)) leaving.add(host.name);
    return found;
  };
  const planes = planesBeyond(context).map(({ name }) => name);
  const noted = (plan: HostPlan): HostPlan =>
    leaving.has(plan.host) && planes.length > 0
      ? { ...plan, notes: [...plan.notes, forgetting(planes)] }
      : plan;
  const confirmNoted = (plan: Plan): Promise<boolean> => confirm({ ...plan, hosts: plan.hosts.map(noted) });
  const nodes = rolling(context, new Map());
  return await changeHosts(context, { confirm: confirmNoted }, look, (host, found) =>
    nodes.leave(host, found, () => change(host, found)),
  );
}

const forgetting = (planes: readonly string[]): string =>
  `it is drained first, and the cluster of ${planes.join(', ')} forgets it afterwards`;
