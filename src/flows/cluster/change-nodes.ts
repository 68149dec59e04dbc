import type { HostEntry } from '../../profile/profile.ts';
import type { Plan } from '../../resources/change.ts';
import { type Changed, type Confirmed, changeHosts } from '../change-hosts.ts';
import type { FlowContext } from '../context.ts';
import type { Surveyed } from '../survey.ts';
import { rolling } from './drained.ts';
import { inOrderOfRoles, requireSkew } from './members.ts';

/**
 * Changes hosts of which some may be nodes of a cluster: control planes before workers, nothing before the versions of all
 * are known to fit, and with the pods of a node elsewhere while it changes below them.
 */
export async function changeNodes<Made>(
  context: FlowContext,
  { confirm }: Confirmed,
  survey: (host: HostEntry) => Promise<Surveyed>,
  change: (host: HostEntry, found: Surveyed) => Promise<Made>,
): Promise<Changed<Made>> {
  const surveyed = new Map<string, Surveyed>();
  const nodes = rolling(context, surveyed);
  const look = async (host: HostEntry): Promise<Surveyed> => {
    const found = await survey(host);
    surveyed.set(host.name, found);
    return found;
  };
  const confirmFitting = async (plan: Plan): Promise<boolean> => {
    requireSkew(context.hosts, new Map([...surveyed].map(([name, { facts }]) => [name, facts])));
    return await confirm(plan);
  };
  const inOrder = { ...context, hosts: inOrderOfRoles(context.hosts) };
  return await changeHosts(inOrder, { confirm: confirmFitting }, look, (host, found) =>
    nodes.change(host, found, () => change(host, found)),
  );
}
