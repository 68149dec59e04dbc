import { Fail } from '../core/fail.ts';
import { carryOut } from '../host/script/carry-out.ts';
import type { Change, Plan } from '../resources/change.ts';
import { spaceNeeds } from '../resources/space.ts';
import type { FlowContext } from './context.ts';
import { type HostFailure, inPhase, onHosts } from './on-hosts.ts';
import { type Survey, type Surveyed, surveyor } from './survey.ts';

export interface Confirmed {
  /** Shown the plan before anything is changed; false leaves every host as it is. */
  readonly confirm: (plan: Plan) => Promise<boolean>;
}

export interface Applied {
  readonly plan: Plan;
  /** Changes were made. */
  readonly applied: boolean;
  /** Hosts that are not as the profile says, and why; what was done on them stays, the next apply goes on. */
  readonly failures: readonly HostFailure[];
}

/**
 * Makes the hosts what the profile says. Each host is asked again after its changes: an apply that says it
 * is done has seen it. A host that fails does not stop the others.
 */
export async function applyProfile(context: FlowContext, { confirm }: Confirmed): Promise<Applied> {
  const survey = await surveyor(context);
  const surveyed = await onHosts(context, context.hosts, survey);
  const plan: Plan = {
    version: 1,
    profile: context.profile.file,
    hosts: [...surveyed.done.values()].map((host) => host.plan),
  };
  const pending = context.hosts.filter(
    (host) => (surveyed.done.get(host.name)?.plan.changes.length ?? 0) > 0,
  );
  if (!(await confirm(plan)) || pending.length === 0) {
    return { plan, applied: false, failures: surveyed.failures };
  }
  const changed = await onHosts(context, pending, async (host) => {
    const found = surveyed.done.get(host.name);
    if (found !== undefined) await applyHost(context, found);
    await requireSettled(await survey(host));
  });
  return { plan, applied: true, failures: [...surveyed.failures, ...changed.failures] };
}

async function applyHost(context: FlowContext, { connection, facts, plan }: Surveyed): Promise<void> {
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
async function requireSettled({ plan }: Awaited<ReturnType<Survey>>): Promise<void> {
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
