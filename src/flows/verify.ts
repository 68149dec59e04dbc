import { asFail } from '../core/as-fail.ts';
import type { Check } from '../core/events.ts';
import { Fail } from '../core/fail.ts';
import type { Connection } from '../host/transport/connection.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { type ImageServer, makeImageServer } from './verify/image-server.ts';
import { verifyHost } from './verify/verify-host.ts';

/** Longer than every step's own deadline together on a host that answers; a host that stalls is given up then. */
const deadlineMinutes = 10;

const bounded = (context: FlowContext): AbortSignal =>
  AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMinutes * 60_000)]);

const examine = async (
  connection: Connection,
  context: FlowContext,
  images: ImageServer,
  signal: AbortSignal,
): Promise<readonly Check[]> => {
  const { spec } = context.profile;
  const image = await images.offerTo(connection, signal);
  try {
    return await verifyHost(connection, spec, { emit: context.emit, signal });
  } finally {
    await image.close();
  }
};

/** Examines one host inside its `verify` phase; the answer is a Fail when it could not be examined. */
const verifyOne = async (
  host: HostEntry,
  context: FlowContext,
  images: ImageServer,
): Promise<readonly Check[] | Fail> => {
  const { emit } = context;
  const signal = bounded(context);
  let started: number | undefined;
  let failed = true;
  try {
    const connection = await context.connect(host);
    emit({ kind: 'phase-started', host: host.name, phase: 'verify' });
    started = performance.now();
    const checks = await examine(connection, context, images, signal);
    failed = checks.some((check) => !check.ok);
    return checks;
  } catch (error) {
    const fail = asFail(error);
    // An interruption is told once, by whoever asked for it.
    if (!context.signal.aborted) emit({ kind: 'failed', host: host.name, error: fail });
    return fail;
  } finally {
    if (started !== undefined)
      emit({
        kind: 'phase-ended',
        host: host.name,
        phase: 'verify',
        milliseconds: performance.now() - started,
        failed,
      });
  }
};

/**
 * Proves hosts with crictl, `context.parallel` at a time, and tells each check as it is done. A red check is a result
 * and no error.
 * @throws Fail of the first host that could not be examined, after all others have been.
 */
export const verifyHosts = async (context: FlowContext): Promise<ReadonlyMap<string, readonly Check[]>> => {
  await using images = makeImageServer(context);
  const results = new Map<string, readonly Check[] | Fail>();
  const waiting = [...context.hosts];
  const worker = async (): Promise<void> => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift())
      results.set(host.name, await verifyOne(host, context, images));
  };
  await Promise.all(Array.from({ length: Math.min(context.parallel, context.hosts.length) }, worker));
  const checks = new Map<string, readonly Check[]>();
  for (const { name } of context.hosts) {
    const result = results.get(name);
    if (result instanceof Fail) throw result;
    if (result !== undefined) checks.set(name, result);
  }
  return checks;
};
