import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { runOciRuntime } from '../processes/oci-runtime.ts';
import type { Container } from './container.ts';

const UPDATE_TIMEOUT_MS = 60_000;

/**
 * `<runtime> update`: new limits for the container, in OCI's form. The runtime puts the former ones back when it
 * cannot set them all. Throws `FailedPrecondition` when the container has ended.
 */
const updateTask = async ({ record, task }: Container, resources: object): Promise<void> => {
  if (task === undefined) throw new Fail('Unavailable', `the shim of container ${record.id} has died`);
  await task.update(resources);
};

export function updateContainer(container: Container, resources: object): Promise<void> {
  return container.exclusively(async () => {
    const { id, runtime, exit } = container.record;
    if (exit !== null) throw new Fail('FailedPrecondition', `container ${id} has ended`);
    if (container.record.task !== undefined) return updateTask(container, resources);
    const file = join(container.folder, 'resources.json');
    writeFileSync(file, JSON.stringify(resources), { mode: 0o600 });
    try {
      const { folder } = container;
      const args = ['--resources', file, id];
      await runOciRuntime({ runtime, verb: 'update', args, folder, timeoutMs: UPDATE_TIMEOUT_MS });
    } finally {
      rmSync(file, { force: true });
    }
  });
}
