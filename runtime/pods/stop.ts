import { killContainer } from '../containers/stop.ts';
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
  await Promise.all(containersOf(context, record).map((one) => killContainer(context, one, signal)));
  await releasePod(context, record, signal);
  context.pods.update(record.id, (before) => ({ ...before, stoppedAtNs: realtimeNs() }));
};

/** What the pod itself holds, in the reverse order of its making. */
export const releasePod = async (
  context: PodContext,
  record: PodRecord,
  signal: AbortSignal,
): Promise<void> => {
  await endPause(context, record, signal);
  await context.network.del({ id: record.id }, signal);
  unpinPod(context.roots, record.id);
  removePodFiles(context.roots, record.id);
};

export const containersOf = (context: PodContext, pod: PodRecord) =>
  context.containers.list().filter((one) => one.podId === pod.id);
