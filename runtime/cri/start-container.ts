import { required } from '../containers/collection.ts';
import { requireStartable } from '../containers/record.ts';
import { startContainer as start } from '../containers/start.ts';
import type { StartContainerRequest } from '../spec/cri/api_pb.js';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import type { Call } from './transport.ts';

export const startContainer = async (daemon: Daemon, request: StartContainerRequest, call: Call) => {
  const { id, podId } = seenContainer(daemon, request.containerId);
  const began = performance.now();
  await daemon.queues.run(podId, async () => {
    const record = required(daemon.containers.get(id), 'container', id);
    requireStartable(record);
    const told = daemon.hooks.startContainer(record);
    if (told !== undefined) await told;
    await start(daemon, record);
    const after = daemon.hooks.containerStarted(required(daemon.containers.get(id), 'container', id));
    if (after !== undefined) await after;
  });
  call.log.info('container started', { container: id, ms: Math.round(performance.now() - began) });
  return {};
};
