import { removeDiscarded } from '../containers/remove.ts';
import type { PodContext } from './context.ts';
import type { PodRecord } from './record.ts';
import { allOf, containersOf, stopPod } from './stop.ts';

/**
 * Stops the pod if it is not, and removes its containers, which the shim knows no more, and its record. Idempotent; the
 * record goes last.
 */
export const removePod = async (
  context: PodContext,
  record: PodRecord,
  signal: AbortSignal,
): Promise<void> => {
  await stopPod(context, record, signal);
  await allOf(containersOf(context, record).map((one) => removeDiscarded(context, one)));
  const told = context.hooks.podRemoved(record);
  if (told !== undefined) await told;
  context.pods.remove(record.id);
};
