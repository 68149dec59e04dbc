import { rmSync } from 'node:fs';
import { failedWith } from '../../../core/fail.ts';
import { signalNumber } from '../../../linux/processes.ts';
import type { ContainerRecord } from '../containers/record.ts';
import { within } from '../processes/run.ts';
import type { Shim } from '../shim.ts';
import { deleteByBinary } from './shim-binary.ts';
import { connectTask, type Task } from './task.ts';

const KILL_PATIENCE_MS = 10_000;
const DELETE_TIMEOUT_MS = 60_000;

/**
 * Deletes the task, ended or by force, and with the pod's own the program that served the pod. One that has died is
 * cleaned up after by its binary. Idempotent.
 */
export const removeTask = async (
  shim: Pick<Shim, 'folders' | 'log'>,
  record: ContainerRecord,
  how: 'ended' | 'force',
): Promise<void> => {
  const { id, task: named } = record;
  if (named?.address === undefined) return;
  try {
    const task = await connectTask(id, named.address);
    try {
      await deleteThrough(task, how, named.group === id);
    } finally {
      task.close();
    }
  } catch (error) {
    if (!failedWith(error, 'Unavailable')) throw error;
    shim.log.warn('the shim of a container has died; cleaning up after it', { id, error });
    const { path } = named;
    const events = shim.folders.events;
    await deleteByBinary({ path, id, bundle: record.bundle, events, timeoutMs: DELETE_TIMEOUT_MS });
    if (named.group === id) rmSync(named.address.socket, { force: true });
  }
};

const deleteThrough = async (task: Task, how: 'ended' | 'force', isSandbox: boolean): Promise<void> => {
  if (how === 'force') {
    await task.kill(signalNumber('SIGKILL'));
    await within(KILL_PATIENCE_MS, task.wait());
  }
  await task.delete();
  if (isSandbox) await task.shutdown();
};
