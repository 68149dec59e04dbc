import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { signalNumber } from '../../../linux/processes.ts';
import { runOciRuntime } from '../processes/oci-runtime.ts';
import { within } from '../processes/run.ts';
import type { Shim } from '../shim.ts';
import type { Container } from './container.ts';
import { keptNames } from './kept.ts';
import { type ContainerRecord, readRecord } from './record.ts';

const RUNTIME_TIMEOUT_MS = 60_000;
/** A process in uninterruptible sleep outlives SIGKILL for as long as its disk takes. */
const KILL_PATIENCE_MS = 20_000;

/** Ends the container if it runs, deletes it from the runtime, and forgets it. Idempotent. */
export async function removeContainer(shim: Shim, id: string): Promise<void> {
  const creating = shim.creating.get(id);
  if (creating !== undefined) await creating;
  const container = shim.containers.get(id);
  if (container === undefined) return removeRemains(shim, id);
  // In the tick in which it was asked for: what is asked for next, such as taking its network, finds it struck.
  container.signal(signalNumber('SIGKILL'));
  await container.exclusively(async () => {
    if (shim.containers.get(id) !== container) return;
    await endContainer(container);
    await removeFromRuntime(shim, container.record, container.folder, 'ended');
    container.close();
    rmSync(container.folder, { recursive: true, force: true });
    shim.containers.delete(id);
  });
}

/** Of a container that could not be taken over from an earlier shim: it may run. */
async function removeRemains(shim: Shim, id: string): Promise<void> {
  const folder = shim.folders.container(id);
  const record = readRecord(folder);
  if (record !== undefined) await removeFromRuntime(shim, record, folder, 'force');
  shim.holder.drop(keptNames(id));
  rmSync(folder, { recursive: true, force: true });
}

/** Kill and reap first: `<runtime> delete --force` polls for the end, 100 ms and more. */
async function endContainer(container: Container): Promise<void> {
  container.signal(signalNumber('SIGKILL'));
  await within(KILL_PATIENCE_MS, container.exited);
  if (container.record.exit === null) {
    throw new Fail('DeadlineExceeded', `container ${container.record.id} does not end after SIGKILL`, {
      hint: 'a process of it waits for a device or a network file system; see /proc/PID/stack',
      context: { pid: container.record.process?.pid },
    });
  }
}

/** `<runtime> delete`, or what a shim of containerd's API has for it. Nothing to do when there is no state of it. */
export async function removeFromRuntime(
  shim: Pick<Shim, 'folders' | 'log'>,
  record: ContainerRecord,
  folder: string,
  how: 'ended' | 'force',
): Promise<void> {
  if (record.task !== undefined) {
    const { removeTask } = await import('../tasks/remove-task.ts');
    return removeTask(shim, record, how);
  }
  const { runtime, id } = record;
  if (!existsSync(join(stateRoot(runtime), id))) return;
  const args = how === 'force' ? ['--force', id] : [id];
  await runOciRuntime({ runtime, verb: 'delete', args, folder, timeoutMs: RUNTIME_TIMEOUT_MS });
}

/** `--root` of the command line, or the runtime's default for root. */
function stateRoot(runtime: readonly string[]): string {
  const flag = runtime.indexOf('--root');
  const named = flag === -1 ? undefined : runtime[flag + 1];
  return named ?? join('/run', runtime[0]?.split('/').at(-1) ?? 'runc');
}
