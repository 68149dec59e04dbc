import { Fail } from '../core/fail.ts';
import { carryOut } from '../host/script/carry-out.ts';
import { planNodeRemoval, removalRequest } from '../node/removal.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { Applied, Confirmed } from './change-hosts.ts';
import { leaveNodes } from './cluster/leave-nodes.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';
import { named, probeHost, type Surveyed } from './survey.ts';

/**
 * Takes away what berth brought to the hosts, and only that; what was there before is back. A cluster that stays is told
 * which of its nodes go.
 */
export async function resetHosts(context: FlowContext, confirmed: Confirmed): Promise<Applied> {
  const survey = (host: HostEntry) => surveyRemoval(context, host);
  return await leaveNodes(context, confirmed, survey, {
    change: (_, found) => resetHost(context, found),
    prove: async (host) => requireGone(await survey(host)),
  });
}

async function surveyRemoval(context: FlowContext, host: HostEntry): Promise<Surveyed> {
  const { spec } = host;
  const connection = await context.connect(host);
  const facts = await probeHost(context, connection, removalRequest(spec));
  const plan = await inPhase(context, host.name, 'plan', async () => ({
    host: host.name,
    ...named(host.name, () => planNodeRemoval(spec, facts)),
  }));
  return { connection, facts, plan };
}

async function resetHost(context: FlowContext, { connection, plan }: Surveyed): Promise<void> {
  const { emit, signal } = context;
  await inPhase(
    context,
    plan.host,
    'reset',
    () =>
      carryOut(connection, plan.changes, {
        mode: 'reset',
        phase: 'reset',
        lockTimeoutSeconds: context.lockTimeoutSeconds ?? 0,
        space: [],
        emit,
        signal,
      }),
    plan.changes.length,
  );
}

function requireGone({ plan }: Surveyed): void {
  if (plan.changes.length === 0) return;
  const left = plan.changes.map((change) => change.summary);
  throw new Fail('HostMoved', `${plan.host}: after the reset there is still to do: ${left.join('; ')}`, {
    hint: 'Run reset again; if it stays, something on the host brings it back.',
  });
}
