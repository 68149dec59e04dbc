import { asFail } from '../core/as-fail.ts';
import { type Check, isRed, type Verification } from '../core/events.ts';
import type { Fail } from '../core/fail.ts';
import { markVerified } from '../host/script/mark.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { type HostFailure, type HostResults, onHosts } from './on-hosts.ts';
import { type Made, type RolledBack, undoApply } from './rollback.ts';
import type { Sighting } from './survey.ts';
import { verifyHosts } from './verify.ts';

/** What the verification came to, and what was done about it. */
export interface Proof {
  /** By host, as it was found first. */
  readonly verified: ReadonlyMap<string, Verification>;
  /** Hosts that could not be examined. */
  readonly failures: readonly HostFailure[];
  /** Hosts that the run had changed, that were red, and that went back. */
  readonly wentBack: ReadonlyMap<string, WentBack>;
  readonly stayed: Stayed;
}

/** Hosts that the run had changed, and that are red in nothing that was not red before it: by name, what is. */
export type Stayed = ReadonlyMap<string, readonly string[]>;

export interface WentBack {
  /** The generation whose state the host has again; 0: as before berth. */
  readonly to: number;
  /** The verification there; undefined: nothing of berth is left to verify, or it did not come to that. */
  readonly verified: Verification | undefined;
  /** Why the host is not where it should be. */
  readonly error: Fail | undefined;
}

/**
 * Verifies the hosts after an apply. One that the apply changed and that is red goes back to how it was before, and is
 * verified again; nothing of this touches any other host. What was seen stays on the host, beside the journal. A host that
 * was red before, as it remembers, and is red in nothing else now stays: the change did not do it, and may be a part of the
 * cure.
 * @param seen what the apply saw last of each host
 */
export async function proveHosts(
  context: FlowContext,
  made: ReadonlyMap<string, Made>,
  seen: ReadonlyMap<string, Sighting>,
): Promise<Proof> {
  const { done, failures } = await verifyHosts(context, { seen });
  const changed = context.hosts.filter(({ name }) => made.has(name) && done.has(name));
  const marked = await onHosts(context, changed, async (host) => {
    await mark(context, host, made.get(host.name)?.generation, done.get(host.name)?.checks);
  });
  const red = changed.filter(({ name }) => done.get(name)?.checks.some(isRed));
  const wentBack = new Map<string, WentBack>();
  const stayed = new Map<string, readonly string[]>();
  if (context.rollback !== 'never') {
    await onHosts({ ...context, maxFailures: undefined }, red, async (host) => {
      const what = made.get(host.name);
      if (what === undefined) return;
      const ids = (done.get(host.name)?.checks ?? []).filter(isRed).map(({ id }) => id);
      if (isNoWorse(ids, what.redBefore)) stayed.set(host.name, ids);
      else wentBack.set(host.name, await goBackAndVerify(context, host, what));
    });
  }
  return { verified: done, failures: [...failures, ...marked.failures], wentBack, stayed };
}

/** An older berth noted only that some check was red. */
const isNoWorse = (now: readonly string[], before: Made['redBefore']): boolean =>
  before !== undefined && (before.length === 0 || now.every((id) => before.includes(id)));

async function goBackAndVerify(context: FlowContext, host: HostEntry, what: Made): Promise<WentBack> {
  const to = what.before;
  const where = to === 0 ? 'before berth' : `after generation ${to}`;
  context.emit({
    kind: 'note',
    level: 'warn',
    host: host.name,
    message: `the verification is red: the host goes back to how it was ${where}`,
  });
  try {
    const back = await undoApply(context, host, what);
    if (to === 0) return { to, verified: undefined, error: undefined };
    const { done, failures } = await verifyWentBack(context, new Map([[host.name, back]]));
    const verified = done.get(host.name);
    return { to, verified: verified && { ...verified, wentBack: true }, error: failures[0]?.error };
  } catch (error) {
    context.signal.throwIfAborted();
    const fail = asFail(error);
    context.emit({ kind: 'failed', host: host.name, error: fail });
    return { to, verified: undefined, error: fail };
  }
}

/** Verifies hosts that went back, each as what it follows there. */
export const verifyWentBack = async (
  context: FlowContext,
  made: ReadonlyMap<string, RolledBack>,
): Promise<HostResults<Verification>> => {
  const hosts = [...made.values()].map(({ host }) => host);
  // An older berth may have rendered its files otherwise; that they are as they were the rollback itself has seen.
  const results = await verifyHosts({ ...context, hosts }, { compared: false });
  const examined = hosts.filter(({ name }) => results.done.has(name));
  const marked = await onHosts(context, examined, (host) =>
    mark(context, host, made.get(host.name)?.generation, results.done.get(host.name)?.checks),
  );
  return { ...results, failures: [...results.failures, ...marked.failures] };
};

async function mark(
  context: FlowContext,
  host: HostEntry,
  generation: number | undefined,
  checks: readonly Check[] = [],
): Promise<void> {
  if (generation === undefined) return;
  const red = checks.filter(isRed);
  const connection = await context.connect(host);
  await markVerified(
    connection,
    generation,
    { red: red.map(({ id }) => id), evidence: red.map(told).join('\n') },
    context.signal,
  );
}

const told = ({ id, title, detail, evidence, remedy }: Check): string =>
  [
    `${id} (${title}): ${detail}`,
    ...(evidence ?? []).map((each) => `--- ${each.title}\n${each.text}`),
    ...(remedy === undefined ? [] : [`remedy: ${remedy}`]),
    '',
  ].join('\n');
