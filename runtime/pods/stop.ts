import { discardContainer } from '../containers/remove.ts';
import { realtimeNs } from '../linux/clock.ts';
import type { PodContext } from './context.ts';
import { removePodFiles } from './files.ts';
import { unpinPod } from './namespaces.ts';
import { endPause } from './pause.ts';
import { type PodRecord, stateOf } from './record.ts';

/**
 * Ends the pod's containers and gives back its network, namespaces and files. Idempotent: each part may be
 * gone already, and a stop that failed half-way is finished by the next.
 */
export const stopPod = async (context: PodContext, record: PodRecord, signal: AbortSignal): Promise<void> => {
  if (stateOf(record) === 'stopped') return;
  context.pods.update(record.id, (before) => ({
    ...before,
    stoppingAtNs: before.stoppingAtNs ?? realtimeNs(),
  }));
  // The OCI runtime and the plugins have nothing to do with each other, and take their time. The shim gets its calls in
  // this order, so that whatever runs has been struck before a plugin takes the network from under it.
  const ends = containersOf(context, record).map((one) => discardContainer(context, one, signal));
  if (context.hooks.idle && !record.pauseStarted) await allOf([...ends, releasePod(context, record, signal)]);
  else {
    // NRI: all containers have ended, and the pod's network is still there, when plugins hear of its stop. And a shim that
    // has the whole pod lets go of its sandbox last.
    await allOf(ends);
    await context.hooks.podStopped(record);
    await releasePod(context, record, signal);
  }
  context.pods.update(record.id, (before) => ({ ...before, stoppedAtNs: realtimeNs() }));
};

/** What the pod itself holds. Its namespaces go last: plugins look into them. */
export const releasePod = async (
  context: PodContext,
  record: PodRecord,
  signal: AbortSignal,
): Promise<void> => {
  await allOf([endPause(context, record, signal), context.network.del({ id: record.id }, signal)]);
  unpinPod(context.roots, record.id);
  removePodFiles(context.roots, record.id);
};

export const containersOf = (context: PodContext, pod: PodRecord) =>
  context.containers.list().filter((one) => one.podId === pod.id);

/** Waits for all, also when one fails, so that nothing of this stop is still at work in the next. */
export const allOf = async (work: readonly Promise<unknown>[]): Promise<void> => {
  const outcomes = await Promise.allSettled(work);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
};
