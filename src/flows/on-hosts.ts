import { asFail } from '../core/as-fail.ts';
import type { Phase } from '../core/events.ts';
import type { Fail } from '../core/fail.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';

export interface HostFailure {
  readonly host: string;
  readonly error: Fail;
}

export interface HostResults<T> {
  /** By name, in the order of the profile. */
  readonly done: ReadonlyMap<string, T>;
  readonly failures: readonly HostFailure[];
  /** Hosts that were left alone because `maxFailures` others had failed. */
  readonly notBegun: readonly string[];
}

/**
 * Does the same on many hosts, some at a time. A host that fails is told by a `failed` event and by the
 * result, and does not stop the others, unless `maxFailures` (with `failedBefore` in earlier rounds) have failed: then no
 * other is begun. An interruption stops all of them and is thrown.
 */
export async function onHosts<T>(
  context: Pick<FlowContext, 'parallel' | 'signal' | 'emit' | 'maxFailures'>,
  hosts: readonly HostEntry[],
  work: (host: HostEntry) => Promise<T>,
  failedBefore = 0,
): Promise<HostResults<T>> {
  const outcomes = new Map<string, T>();
  const failures = new Map<string, Fail>();
  const waiting = [...hosts];
  const next = (): HostEntry | undefined =>
    failedBefore + failures.size < (context.maxFailures ?? Number.POSITIVE_INFINITY)
      ? waiting.shift()
      : undefined;
  const worker = async () => {
    for (let host = next(); host !== undefined; host = next()) {
      try {
        outcomes.set(host.name, await work(host));
      } catch (error) {
        const fail = asFail(error);
        failures.set(host.name, fail);
        context.emit({ kind: 'failed', host: host.name, error: fail });
      }
      if (context.signal.aborted) return;
    }
  };
  const lanes = Math.max(1, Math.min(context.parallel, hosts.length));
  await Promise.all(Array.from({ length: lanes }, worker));
  context.signal.throwIfAborted();
  const names = hosts.map((host) => host.name);
  return {
    done: new Map(names.flatMap((name) => entryOf(outcomes, name))),
    failures: names.flatMap((host) => {
      const error = failures.get(host);
      return error === undefined ? [] : [{ host, error }];
    }),
    notBegun: waiting.map(({ name }) => name),
  };
}

function entryOf<T>(outcomes: ReadonlyMap<string, T>, name: string): [string, T][] {
  const entry = outcomes.get(name);
  return entry === undefined ? [] : [[name, entry]];
}

/** Wraps one phase of one host in its two events. */
export async function inPhase<T>(
  { emit }: Pick<FlowContext, 'emit'>,
  host: string,
  phase: Phase,
  work: () => Promise<T>,
  total?: number,
): Promise<T> {
  const started = performance.now();
  emit({ kind: 'phase-started', host, phase, ...(total === undefined ? {} : { total }) });
  let failed = true;
  try {
    const result = await work();
    failed = false;
    return result;
  } finally {
    emit({ kind: 'phase-ended', host, phase, milliseconds: performance.now() - started, failed });
  }
}
