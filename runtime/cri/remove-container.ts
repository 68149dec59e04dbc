import { removeContainer as remove } from '../containers/remove.ts';
import type { RemoveContainerRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { requestedId } from './requests.ts';
import type { Call } from './transport.ts';

/** Removes the container, by force if it runs. One that is not there is removed already. */
export const removeContainer = async (daemon: Daemon, request: RemoveContainerRequest, call: Call) => {
  const found = daemon.containers.find(requestedId('container_id', request.containerId));
  if (found === undefined) return {};
  await daemon.queues.run(found.podId, async () => {
    const record = daemon.containers.get(found.id);
    if (record !== undefined) await remove(daemon, record, call.signal);
  });
  call.log.info('container removed', { container: found.id });
  return {};
};
