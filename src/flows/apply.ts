import { Fail } from '../core/fail.ts';
import { carryOut } from '../host/script/carry-out.ts';
import type { Change } from '../resources/change.ts';
import { spaceNeeds } from '../resources/space.ts';
import { type Applied, type Confirmed, changeHosts } from './change-hosts.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';
import { type Surveyed, surveyor } from './survey.ts';

/**
 * Makes the hosts what the profile says. Each host is asked again after its changes: an apply that says it
 * is done has seen it.
 */
export async function applyProfile(context: FlowContext, confirmed: Confirmed): Promise<Applied> {
  const survey = await surveyor(context);
  return await changeHosts(context, confirmed, survey, async (host, found) => {
    await applyHost(context, found);
    requireSettled(await survey(host));
  });
}

export async function applyHost(context: FlowContext, { connection, facts, plan }: Surveyed): Promise<void> {
  const { emit, signal } = context;
  const space = spaceNeeds(plan.changes, facts);
  await inPhase(
    context,
    plan.host,
    'apply',
    () => carryOut(connection, plan.changes, { mode: 'apply', phase: 'apply', space, emit, signal }),
    plan.changes.length,
  );
}

/** What was done must have had its effect: a package whose script failed silently, say, did not. */
export function requireSettled({ plan }: Surveyed): void {
  if (plan.changes.length === 0) return;
  const list = plan.changes.map((change: Change) =>
    change.reason === undefined ? change.summary : `${change.summary} (${change.reason})`,
  );
  throw new Fail(
    'HostMoved',
    `${plan.host}: all changes were made, and the host still differs: ${list.join('; ')}`,
    {
      hint: 'Something on the host undoes them, or they do not take: look at its log, then apply again.',
      context: {
        changes: plan.changes.map(({ id, summary, reason, diff }) => ({ id, summary, reason, diff })),
      },
    },
  );
}
