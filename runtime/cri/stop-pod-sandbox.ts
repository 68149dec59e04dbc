import { stopPod } from '../pods/stop.ts';
import type { StopPodSandboxRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { requestedId } from './requests.ts';
import type { Call } from './transport.ts';

/** Ends the pod's containers and gives back its network. A pod that is not there is stopped already. */
export const stopPodSandbox = async (daemon: Daemon, request: StopPodSandboxRequest, call: Call) => {
  const id = daemon.pods.find(requestedId('pod_sandbox_id', request.podSandboxId))?.id;
  if (id === undefined) return {};
  await daemon.queues.run(id, async () => {
    const record = daemon.pods.get(id);
    if (record !== undefined) await stopPod(daemon, record, call.signal);
  });
  call.log.info('pod stopped', { pod: id });
  return {};
};
