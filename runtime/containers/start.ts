import { failedWith } from '../core/fail.ts';
import type { ContainerContext } from './context.ts';
import { type ContainerRecord, requireStartable } from './record.ts';
import { killContainer } from './stop.ts';

const START_TIMEOUT_MS = 60_000;

/**
 * Starts the created container's process. The call to the shim is not cancelled with the client's: half a
 * start helps nobody. When the shim itself goes away, `settleContainer` finds out how far it got.
 */
export const startContainer = async (context: ContainerContext, record: ContainerRecord): Promise<void> => {
  requireStartable(record);
  try {
    const { startedAtNs } = await context.shim.call(
      'start',
      { id: record.id },
      AbortSignal.timeout(START_TIMEOUT_MS),
    );
    context.containers.update(record.id, (before) => ({ ...before, startedAtNs: BigInt(startedAtNs) }));
  } catch (error) {
    if (!failedWith(error, 'Unavailable')) await abandonStart(context, record, error);
    throw error;
  }
};

/** A container that could not be started ends, and says why. */
const abandonStart = async (
  context: ContainerContext,
  record: ContainerRecord,
  error: unknown,
): Promise<void> => {
  const failure = error instanceof Error ? error.message : String(error);
  const failed = context.containers.update(record.id, (before) => ({ ...before, failure }));
  await killContainer(context, failed, AbortSignal.timeout(START_TIMEOUT_MS)).catch((cause: unknown) =>
    context.log.error('cannot end a container that failed to start', { container: record.id, error: cause }),
  );
};
