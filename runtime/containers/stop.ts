import { Fail, failedWith } from '../core/fail.ts';
import type { ContainerContext } from './context.ts';
import { unknownExit } from './exits.ts';
import { type ContainerRecord, stateOf } from './record.ts';
import { SIGKILL } from './signals.ts';

/** After SIGKILL only the kernel can keep a process: in uninterruptible sleep, for instance. */
const KILL_WAIT_MS = 10_000;

/**
 * Ends the container: its stop signal, `graceMs` of patience, SIGKILL. Idempotent. Takes no queue: two stops
 * at once both send their signals, and the one with less patience wins.
 */
export const stopContainer = async (
  context: ContainerContext,
  record: ContainerRecord,
  graceMs: number,
  signal: AbortSignal,
): Promise<void> => {
  if (stateOf(record) === 'running' && graceMs > 0) {
    await context.shim.call('kill', { id: record.id, signal: record.stopSignal }, signal);
    if (await endsWithin(context, record.id, graceMs, signal)) return;
  }
  await killContainer(context, record, signal);
};

/** SIGKILL, and the wait for the end. Nothing to do for one that has ended or that the shim never had. */
export const killContainer = async (
  context: ContainerContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<void> => {
  if (stateOf(record) === 'exited') return;
  try {
    await context.shim.call('kill', { id: record.id, signal: SIGKILL }, signal);
  } catch (error) {
    if (!failedWith(error, 'NotFound')) throw error;
    return context.exits.record(record.id, unknownExit());
  }
  if (await endsWithin(context, record.id, KILL_WAIT_MS, signal)) return;
  throw new Fail(
    'DeadlineExceeded',
    `container ${record.id} did not end within ${KILL_WAIT_MS} ms of SIGKILL`,
    {
      hint: `look at what keeps process ${record.pid} in the kernel: cat /proc/${record.pid}/stack`,
    },
  );
};

const endsWithin = async (
  context: ContainerContext,
  id: string,
  milliseconds: number,
  signal: AbortSignal,
): Promise<boolean> => {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]);
  const ended = await context.exits.wait(id, patience);
  signal.throwIfAborted();
  return ended;
};
