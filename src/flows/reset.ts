import { Fail } from '../core/fail.ts';
import type { Facts } from '../host/facts/probe.ts';
import { carryOut } from '../host/script/carry-out.ts';
import type { Connection } from '../host/transport/connection.ts';
import { planNodeRemoval, removalRequest } from '../node/removal.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { HostPlan } from '../resources/change.ts';
import { type Applied, type Confirmed, changeHosts } from './change-hosts.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';
import { named, probeHost } from './survey.ts';

interface Found {
  readonly connection: Connection;
  readonly facts: Facts;
  readonly plan: HostPlan;
}

/** Takes away what berth brought to the hosts, and only that; what was there before is back. */
export async function resetHosts(context: FlowContext, confirmed: Confirmed): Promise<Applied> {
  const survey = (host: HostEntry) => surveyRemoval(context, host);
  return await changeHosts(context, confirmed, survey, async (host, found) => {
    await resetHost(context, found);
    requireGone(await survey(host));
  });
}

async function surveyRemoval(context: FlowContext, host: HostEntry): Promise<Found> {
  const { spec } = host;
  const connection = await context.connect(host);
  const facts = await probeHost(context, connection, removalRequest(spec));
  const plan = await inPhase(context, host.name, 'plan', async () => ({
    host: host.name,
    ...named(host.name, () => planNodeRemoval(spec, facts)),
  }));
  return { connection, facts, plan };
}

async function resetHost(context: FlowContext, { connection, plan }: Found): Promise<void> {
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

function requireGone({ plan }: Found): void {
  if (plan.changes.length === 0) return;
  const left = plan.changes.map((change) => change.summary);
  throw new Fail('HostMoved', `${plan.host}: after the reset there is still to do: ${left.join('; ')}`, {
    hint: 'Run reset again; if it stays, something on the host brings it back.',
  });
}
