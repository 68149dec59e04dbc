import { asFail } from '../core/as-fail.ts';
import { Fail } from '../core/fail.ts';
import { withoutHost } from '../core/text.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { type Made, undoApply } from './rollback.ts';

/** The shell that was cut off still ends its step, and keeps the lock meanwhile. */
const patienceSeconds = 120;

/**
 * Takes a host back after an apply that failed, over a new connection: the old one may be what it broke. The answer is
 * what to tell of both.
 */
export async function goBack(context: FlowContext, host: HostEntry, made: Made, why: Fail): Promise<Fail> {
  const { emit } = context;
  const to = made.before;
  emit({
    kind: 'note',
    level: 'warn',
    host: host.name,
    message: `going back to how the host was ${to === 0 ? 'before berth' : `after generation ${to}`}: ${withoutHost(host.name, why.message)}`,
  });
  try {
    await using connection = disposable(await context.reconnect(host, context.signal));
    const lockTimeoutSeconds = Math.max(context.lockTimeoutSeconds ?? 0, patienceSeconds);
    await undoApply({ ...context, lockTimeoutSeconds, connect: async () => connection }, host, made);
  } catch (error) {
    return new Fail(why.code, `${why.message}; and the way back failed: ${asFail(error).message}`, {
      hint: `Look at what is left with: berth rollback FILE ${to} --hosts ${host.name}`,
      context: why.context,
      cause: why,
    });
  }
  return new Fail(
    'RolledBack',
    `${host.name}: the host is again as it was ${to === 0 ? 'before berth' : `after generation ${to}`}, because the apply failed: ${why.message}`,
    { ...(why.hint === undefined ? {} : { hint: why.hint }), context: why.context, cause: why },
  );
}

const disposable = <Closable extends { close(): Promise<void> }>(
  closable: Closable,
): Closable & AsyncDisposable => Object.assign(closable, { [Symbol.asyncDispose]: () => closable.close() });
