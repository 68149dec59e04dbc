import { Fail } from '../core/fail.ts';
import { ownVersion } from '../core/own-version.ts';
import { type CarriedOut, type CarryOutOptions, carryOut } from '../host/script/carry-out.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { Change } from '../resources/change.ts';
import { spaceNeeds } from '../resources/space.ts';
import { announcing } from './announce.ts';
import type { Changed, Confirmed } from './change-hosts.ts';
import { changeNodes } from './cluster/change-nodes.ts';
import type { FlowContext } from './context.ts';
import { goBack } from './go-back.ts';
import { inPhase } from './on-hosts.ts';
import type { Made } from './rollback.ts';
import { type Sighting, type Survey, type Surveyed, surveyor } from './survey.ts';

/** What an apply did to the hosts, and what each was seen to be last. */
export interface AppliedTo extends Changed<Made> {
  readonly seen: ReadonlyMap<string, Sighting>;
}

/**
 * Makes the hosts what the profile says. Each host is asked again after its changes: an apply that says it
 * is done has seen it.
 */
export async function applyProfile(context: FlowContext, confirmed: Confirmed): Promise<AppliedTo> {
  const { look, seen } = remembering(await surveyor(context, { toChange: true }));
  const changed = await changeNodes(context, confirmed, look, (host, found) =>
    makeSettled(context, host, found, () => look(host)),
  );
  return { ...changed, seen };
}

/** A survey that keeps what it saw last of each host. */
export function remembering(survey: Survey): {
  readonly look: Survey;
  readonly seen: ReadonlyMap<string, Sighting>;
} {
  const seen = new Map<string, Sighting>();
  const look: Survey = async (host) => {
    const found = await survey(host);
    seen.set(host.name, { facts: found.facts, plan: found.plan, at: performance.now() });
    return found;
  };
  return { look, seen };
}

/**
 * An apply that was cut off may still be at its last change when the next one looks at the host. What is left then is less
 * than what was agreed to, and is done; anything else is refused.
 */
async function makeSettled(
  context: FlowContext,
  host: HostEntry,
  found: Surveyed,
  look: () => Promise<Surveyed>,
): Promise<Made> {
  try {
    return await makeSo(context, host, found, look);
  } catch (error) {
    if (!(error instanceof Fail) || error.code !== 'HostMoved' || error.context['begun'] !== false)
      throw error;
    const now = await look();
    if (!isPartOf(now.plan.changes, found.plan.changes)) throw error;
    return await makeSo(context, host, now, look);
  }
}

/** A summary may say less by now: half of a release is there already. */
const isPartOf = (left: readonly Change[], agreed: readonly Change[]): boolean => {
  const said = ({ id, diff }: Change): string => JSON.stringify([id, diff]);
  const known = new Set(agreed.map(said));
  return left.every((change) => known.has(said(change)));
};

/**
 * Carries out the plan of a host, and sees that it took. A host whose guarded change was undone goes back altogether; one
 * where a step failed does so when it was asked to. Either way the failure is thrown.
 */
export async function makeSo(
  context: FlowContext,
  host: HostEntry,
  found: Surveyed,
  look: () => Promise<Surveyed>,
): Promise<Made> {
  const { generations, journalBytes } = found.facts.install;
  const last = generations.at(-1);
  const before = last?.number ?? 0;
  let made: Made | undefined;
  try {
    await applyHost(context, host, found, {
      newest: before,
      journalBytes,
      onGeneration: (generation) => {
        made = { before, generation, ...(last?.verified === 'red' ? { redBefore: last.red } : {}) };
      },
    });
    requireSettled(await look());
    if (made === undefined) throw new Fail('Internal', `${host.name}: an apply without a generation`);
    return made;
  } catch (error) {
    // Without a generation nothing was begun, and what the host is like now is the work of others.
    if (made === undefined || !(error instanceof Fail) || !goesBack(error, context)) throw error;
    throw await goBack(context, host, made, error);
  }
}

function goesBack({ code }: Fail, { rollback, signal }: FlowContext): boolean {
  if (rollback === 'never' || signal.aborted) return false;
  if (code === 'RolledBack') return true;
  return (
    rollback === 'when-failed' &&
    (code === 'CommandFailed' || code === 'HostMoved' || code === 'DeadlineExceeded')
  );
}

async function applyHost(
  context: FlowContext,
  host: HostEntry,
  { connection, facts, plan }: Surveyed,
  generations: Required<Pick<CarryOutOptions, 'newest' | 'journalBytes' | 'onGeneration'>>,
): Promise<CarriedOut> {
  const { emit, signal } = context;
  const { spec } = host;
  return await inPhase(
    context,
    plan.host,
    'apply',
    async () =>
      carryOut(connection, plan.changes, {
        mode: 'apply',
        phase: 'apply',
        about: { berth: await ownVersion(), spec: JSON.stringify(spec), keep: spec.generations.keep },
        ...generations,
        lockTimeoutSeconds: context.lockTimeoutSeconds ?? 0,
        reconnect: (until) => context.reconnect(host, until),
        space: spaceNeeds(plan.changes, facts),
        encoding: facts.system.unpacks,
        emit: announcing(emit, plan),
        signal,
      }),
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
