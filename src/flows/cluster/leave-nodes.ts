import { isMember } from '../../node/membership.ts';
import type { HostEntry } from '../../profile/profile.ts';
import type { HostPlan, Plan } from '../../resources/change.ts';
import { type Changed, type Confirmed, changeHosts } from '../change-hosts.ts';
import type { FlowContext } from '../context.ts';
import type { Surveyed } from '../survey.ts';
import { leaves, rolling } from './drained.ts';
import { planesBeyond } from './speaker.ts';

interface Parting<Made> {
  readonly change: (host: HostEntry, found: Surveyed) => Promise<Made>;
  /** Looks at a host after its change. What it throws is told, and keeps no cluster from forgetting the host before. */
  readonly prove: (host: HostEntry) => Promise<void>;
}

/**
 * Changes hosts of which some are nodes of a cluster, and are none afterwards. Where a control plane of the profile stays,
 * the plan says what it does for them.
 */
export async function leaveNodes<Made>(
  context: FlowContext,
  { confirm }: Confirmed,
  survey: (host: HostEntry) => Promise<Surveyed>,
  { change, prove }: Parting<Made>,
): Promise<Changed<Made>> {
  const notes = new Map<string, string>();
  const look = async (host: HostEntry): Promise<Surveyed> => {
    const found = await survey(host);
    const planes = planesBeyond(context, host).map(({ name }) => name);
    if (planes.length > 0 && leaves(host, found)) notes.set(host.name, forgetting(planes, found));
    return found;
  };
  const noted = (plan: HostPlan): HostPlan => {
    const note = notes.get(plan.host);
    return note === undefined ? plan : { ...plan, notes: [...plan.notes, note] };
  };
  const confirmNoted = (plan: Plan): Promise<boolean> => confirm({ ...plan, hosts: plan.hosts.map(noted) });
  const nodes = rolling(context, new Map());
  return await changeHosts(context, { confirm: confirmNoted }, look, async (host, found) => {
    const made = await nodes.leave(host, found, () => change(host, found));
    await prove(host);
    return made;
  });
}

const forgetting = (planes: readonly string[], { facts }: Surveyed): string =>
  `${isMember(facts) ? 'it is drained first, and ' : ''}the cluster of ${planes.join(', ')} forgets it afterwards`;
