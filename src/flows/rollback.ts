import { Fail } from '../core/fail.ts';
import { ownVersion } from '../core/own-version.ts';
import { type BeforeRecord, type History, readHistory } from '../host/facts/history.ts';
import type { Facts } from '../host/facts/probe.ts';
import { carryOut } from '../host/script/carry-out.ts';
import { forgetOrigins, type LeftBehind } from '../host/script/forget-origins.ts';
import type { Connection } from '../host/transport/connection.ts';
import { planBeforeBerth, planNodeRollback, rollbackRequest } from '../node/rollback.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { HostPlan } from '../resources/change.ts';
import { spaceNeeds } from '../resources/space.ts';
import { type Changed, type Confirmed, changeHosts } from './change-hosts.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';
import { specAfter } from './spec-after.ts';
import { named, probeHost } from './survey.ts';

/** A host that went back. */
export interface RolledBack {
  /** Number of the generation that the rollback itself is. */
  readonly generation: number;
  /** The generation whose state the host has again; 0: as before berth. */
  readonly to: number;
  /** The host with what it follows now. */
  readonly host: HostEntry;
}

interface Found {
  readonly connection: Connection;
  readonly history: History;
  readonly facts: Facts;
  readonly way: Way;
  readonly plan: HostPlan;
}

/** From the newest generation to the one whose state is wanted. */
interface Way {
  readonly newest: number;
  readonly to: number;
  readonly records: readonly BeforeRecord[];
}

/**
 * Takes hosts back to how they were before their last generation, or after generation `to`; 0 is before berth. A rollback
 * is a generation itself: the next one undoes it.
 */
export async function rollbackHosts(
  context: FlowContext,
  confirmed: Confirmed,
  to: number | undefined,
): Promise<Changed<RolledBack>> {
  const survey = (host: HostEntry) => surveyWay(context, host, to);
  return await changeHosts(context, confirmed, survey, (host, found) => carryBack(context, host, found));
}

/** What one apply did to a host. */
export interface Made {
  /** The generation before it; 0: the host had none. */
  readonly before: number;
  readonly generation: number;
  /** What was red when the generation before it was verified; undefined: nothing was, or nobody knows. */
  readonly redBefore?: readonly string[];
}

/**
 * Undoes what an apply did to one host, without a question.
 * @throws Fail `HostMoved` when somebody changed the host after it: what others did is not ours to undo
 */
export async function undoApply(
  context: FlowContext,
  host: HostEntry,
  { before, generation }: Made,
): Promise<RolledBack> {
  const found = await surveyWay(context, host, before, ({ newest }) => {
    if (newest === generation) return;
    throw new Fail(
      'HostMoved',
      `${host.name}: generation ${newest} came after generation ${generation}, which was to be undone`,
      { hint: 'Somebody else changed the host meanwhile. See who with: berth rollback FILE --list' },
    );
  });
  return await carryBack(context, host, found);
}

async function surveyWay(
  context: FlowContext,
  host: HostEntry,
  to: number | undefined,
  expect: (way: Way) => void = () => {},
): Promise<Found> {
  const connection = await context.connect(host);
  const history = await readHistory(connection, context.signal);
  const way = named(host.name, () => findWay(history, to));
  expect(way);
  return await look(context, host, connection, history, way);
}

async function look(
  context: FlowContext,
  host: HostEntry,
  connection: Connection,
  history: History,
  way: Way,
): Promise<Found> {
  const facts = await probeHost(context, connection, rollbackRequest(host.spec, way.records));
  const plan = await inPhase(context, host.name, 'plan', async () => ({
    host: host.name,
    ...named(host.name, () => planWay(host, history, facts, way)),
  }));
  return { connection, history, facts, way, plan };
}

function planWay({ spec }: HostEntry, history: History, facts: Facts, way: Way): Omit<HostPlan, 'host'> {
  if (way.newest === 0)
    return { changes: [], notes: ['the host has no generation: berth has not changed it yet'] };
  const { changes, notes } =
    way.to === 0 ? planBeforeBerth(spec, facts) : planNodeRollback(facts, history, way.records);
  const target = way.to === 0 ? 'before berth' : `after generation ${way.to}`;
  return { changes, notes: [`from generation ${way.newest} back to how it was ${target}`, ...notes] };
}

/** @throws Fail `BadUsage` for a generation that the host does not know, or knows no way back to */
function findWay({ before, newest }: History, wanted: number | undefined): Way {
  const numbers = [...before.keys()].toSorted((a, b) => a - b);
  const to = wanted ?? Math.max(0, newest - 1);
  // The oldest that kept something knows how it was before it; what was before berth is never forgotten.
  const oldest = numbers[0] ?? newest + 1;
  if (to > newest || (to !== 0 && to < oldest - 1)) {
    const kept = numbers.length === 0 ? 'kept nothing for it' : `has ${oldest} to ${newest}`;
    throw new Fail('BadUsage', `there is no way back to generation ${to}: the host ${kept}`, {
      hint: 'berth rollback FILE --list shows them; 0 is how the host was before berth.',
    });
  }
  const records = numbers.filter((number) => number > to).flatMap((number) => before.get(number) ?? []);
  return { newest, to, records };
}

async function carryBack(context: FlowContext, host: HostEntry, found: Found): Promise<RolledBack> {
  const { connection, history, facts, way, plan } = found;
  const { emit, signal } = context;
  const after = named(host.name, () => specAfter(host, history, way.to));
  const { generation } = await inPhase(
    context,
    host.name,
    'rollback',
    async () =>
      carryOut(connection, plan.changes, {
        mode: 'rollback',
        phase: 'rollback',
        about: {
          to: way.to,
          berth: await ownVersion(),
          spec: JSON.stringify(after.spec),
          keep: host.spec.generations.keep,
        },
        newest: way.newest,
        undoes: { first: way.to + 1, last: way.newest },
        lockTimeoutSeconds: context.lockTimeoutSeconds ?? 0,
        reconnect: (until) => context.reconnect(host, until),
        space: spaceNeeds(plan.changes, facts),
        emit,
        signal,
      }),
    plan.changes.length,
  );
  const back = await look(context, host, connection, await readHistory(connection, signal), way);
  requireBack(back);
  if (way.to === 0) await forgetOrigins(connection, leftBehind(back.facts), signal);
  // What a rollback to before berth made is before berth as well.
  const goal = facts.install.generations.find(({ number }) => number === way.to);
  return { generation, to: goal?.kind === 'rollback' && goal.to === 0 ? 0 : way.to, host: after };
}

/** A package that others need, and a module that is in use. */
const leftBehind = ({ install, packages, kernel }: Facts): LeftBehind =>
  install.origins.flatMap((origin) => {
    if (origin.kind !== 'package' && origin.kind !== 'module') return [];
    const { kind, name } = origin;
    const stays =
      kind === 'package'
        ? packages.packages.get(name)?.state === 'installed'
        : kernel.modules.get(name) === 'active';
    return stays ? [{ kind, name }] : [];
  });

function requireBack({ plan, way }: Found): void {
  const left = plan.changes.filter(({ mayStay }) => !mayStay);
  if (left.length === 0) return;
  const list = left.map(({ summary }) => summary).join('; ');
  throw new Fail('HostMoved', `${plan.host}: after the rollback there is still to do: ${list}`, {
    hint: `Run berth rollback again with the generation: ${way.to}. Something on the host works against it.`,
  });
}
