import { removePod } from '../pods/remove.ts';
import type { RemovePodSandboxRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { requestedId } from './requests.ts';
import type { Call } from './transport.ts';

/** Removes the pod and whatever of it still runs. A pod that is not there is removed already. */
export const removePodSandbox = async (daemon: Daemon, request: RemovePodSandboxRequest, call: Call) => {
  const id = daemon.pods.find(requestedId('pod_sandbox_id', request.podSandboxId))?.id;
  if (id === undefined) return {};
  await daemon.queues.run(id, async () => {
    const record = daemon.pods.get(id);
    if (record !== undefined) await removePod(daemon, record, call.signal);
  });
  call.log.info('pod removed', { pod: id });
  return {};
};
