import { Fail } from '../../../core/fail.ts';
import { realtimeNs } from '../../../linux/clock.ts';
import { runOciRuntime } from '../processes/oci-runtime.ts';
import type { Container } from './container.ts';

const START_TIMEOUT_MS = 120_000;

/** `<runtime> start`; the answer is when it was started. Throws `FailedPrecondition` unless it is created. */
export function startContainer(container: Container): Promise<string> {
  return container.exclusively(async () => {
    const { record, folder } = container;
    if (record.startedAtNs !== null || record.exit !== null) {
      throw new Fail('FailedPrecondition', `container ${record.id} was started before or has ended`);
    }
    container.update({ starting: true });
    try {
      const { runtime, id } = record;
      await runOciRuntime({ runtime, verb: 'start', args: [id], folder, timeoutMs: START_TIMEOUT_MS });
    } catch (error) {
      container.update({ starting: false });
      throw error;
    }
    const startedAtNs = String(realtimeNs());
    container.update({ starting: false, startedAtNs });
    return startedAtNs;
  });
}
