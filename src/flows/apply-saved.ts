import { isDeepStrictEqual } from 'node:util';
import { Fail } from '../core/fail.ts';
import type { HostEntry } from '../profile/profile.ts';
import { type Basis, digestOfBasis, movedBetween, movedText } from '../resources/basis.ts';
import type { Change, Content, HostPlan } from '../resources/change.ts';
import { type AppliedTo, makeSo, remembering } from './apply.ts';
import type { Confirmed } from './change-hosts.ts';
import { changeNodes } from './cluster/change-nodes.ts';
import type { FlowContext } from './context.ts';
import { basisFor, digestOfProfile, openChange, type SavedHost, type SavedPlan } from './saved-plan.ts';
import { named, type Surveyed, surveyor } from './survey.ts';

/**
 * Carries out a saved plan: exactly its changes, and only on hosts that are as they were when it was made.
 * `context.tags` must be those of the plan.
 * @throws Fail `HostMoved` when the profile is another one; a host that moved fails with it by itself
 */
export async function applySavedPlan(
  context: FlowContext,
  saved: SavedPlan,
  confirmed: Confirmed,
): Promise<AppliedTo> {
  requireSameProfile(context, saved);
  const hosts = new Map(saved.hosts.map((host) => [host.host, host]));
  const planOf = (name: string): SavedHost => {
    const host = hosts.get(name);
    if (host === undefined) throw new Fail('BadUsage', `${name}: the plan has no such host`);
    return host;
  };
  const { look: surveyAfter, seen } = remembering(await surveyor(context));
  const surveyNow = await surveyor(context, {
    toChange: true,
    expect: (name, facts) => requireUnmoved(name, planOf(name), basisFor(saved, facts)),
  });
  const surveyUnmoved = async (host: HostEntry): Promise<Surveyed> => {
    try {
      return await surveyNow(host);
    } catch (error) {
      if (!(error instanceof Fail) || error.code !== 'HostMoved' || error.context['identity'] === true)
        throw error;
      const { plan } = await surveyAfter(host);
      throw plan.changes.length === 0 ? doneAlready(host.name, error) : error;
    }
  };
  const survey = async (host: HostEntry): Promise<Surveyed> => {
    const found = await surveyUnmoved(host);
    return { ...found, plan: named(host.name, () => openHost(planOf(host.name), saved, found.plan)) };
  };
  const changed = await changeNodes(context, confirmed, survey, (host, found) =>
    makeSo(context, host, found, () => surveyAfter(host)),
  );
  return { ...changed, seen };
}

function requireSameProfile({ profile }: FlowContext, saved: SavedPlan): void {
  if (digestOfProfile(profile) === saved.profile.digest) return;
  throw new Fail('HostMoved', `${profile.file} is not the profile that was planned`, {
    hint: 'It, what it includes, or a variable changed since: plan again.',
    context: { planned: saved.profile.digest, now: digestOfProfile(profile) },
  });
}

/** All the moves of a plan that was carried out are its own changes: a list of them would tell nothing. */
const doneAlready = (host: string, { context }: Fail): Fail =>
  new Fail('HostMoved', `${host}: the host is what the plan would make of it: it was carried out already`, {
    hint: 'There is nothing left to do. A plan is good for once: for other changes plan again.',
    context,
  });

/** Beyond these the message is no help; `context.moved` has all of them. */
const shownMoves = 12;

function requireUnmoved(host: string, planned: SavedHost, now: Basis): void {
  if (digestOfBasis(now) === planned.facts) return;
  const moved = movedBetween(planned.basis, now);
  const identity = moved.some(({ topic, key }) => topic === 'system' && key === 'identity');
  const lines = moved.slice(0, shownMoves).map((each) => `  ${movedText(each)}`);
  const more = moved.length > shownMoves ? [`  and ${moved.length - shownMoves} more`] : [];
  throw new Fail(
    'HostMoved',
    [
      `${host}: ${identity ? 'another host answers at this address than' : 'the host is not as it was'} when the plan was made`,
      ...lines,
      ...more,
    ].join('\n'),
    {
      hint: identity
        ? 'See which machine has this address now, then plan again.'
        : 'Plan again, and look at what is different.',
      context: { moved, identity },
    },
  );
}

/**
 * Today's plan of the host, where it is the saved one. What is not among the facts (an age, a start) decides too: where
 * today's plan has other changes, the saved one is not carried out. Nothing that the file says is ever done because the
 * file says it: who can write the file cannot put in what nobody was shown.
 */
function openHost(saved: SavedHost, plan: SavedPlan, now: HostPlan): HostPlan {
  const added = now.changes.filter(({ id }) => !saved.changes.some((change) => change.id === id));
  const gone = saved.changes.filter(({ id }) => !now.changes.some((change) => change.id === id));
  if (added.length + gone.length > 0) {
    const lines = [
      ...added.map(({ summary }) => `  needed by now: ${summary}`),
      ...gone.map(({ summary }) => `  needed no more: ${summary}`),
    ];
    throw new Fail('HostMoved', ['the host needs other changes than were planned', ...lines].join('\n'), {
      hint: 'Plan again, and look at what is different.',
      context: { added: added.map(({ id }) => id), gone: gone.map(({ id }) => id) },
    });
  }
  const contents = new Map(now.changes.flatMap(contentsOf));
  for (const change of saved.changes) {
    const opened = openChange(change, plan, contents);
    const today = now.changes.find(({ id }) => id === change.id);
    if (today !== undefined && !isSameWork(opened, today)) throw otherWork(today);
  }
  return now;
}

/** Whether package lists are fetched first is a matter of their age, and none of the plan. */
const isSameWork = (planned: Change, today: Change): boolean =>
  isDeepStrictEqual(workOf(planned), workOf(today));

const workOf = ({ action, packages, bringsPackages, steps }: Change): unknown =>
  // A plan from a file has no keys without values.
  JSON.parse(JSON.stringify({ action, packages, steps: bringsPackages ? [] : steps }));

const otherWork = ({ id, summary }: Change): Fail =>
  new Fail('HostMoved', `to ${summary}, other steps would be taken today than were planned`, {
    hint: 'Another berth made the plan, or somebody changed its file: plan again, and look at it again.',
    context: { id },
  });

const contentsOf = ({ steps }: Change): [string, Content][] =>
  steps.flatMap((step) => ('content' in step ? [[step.path, step.content]] : []));
