import { stopContainer as stop } from '../containers/stop.ts';
import type { StopContainerRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { requestedId, requestedMilliseconds } from './requests.ts';
import type { Call } from './transport.ts';

/** Stops within `timeout` seconds and then kills. A container that is not there, or has ended, is stopped. */
export const stopContainer = async (daemon: Daemon, request: StopContainerRequest, call: Call) => {
  const record = daemon.containers.find(requestedId('container_id', request.containerId));
  if (record === undefined) return {};
  await stop(daemon, record, requestedMilliseconds(request.timeout), call.signal);
  const told = daemon.hooks.containerEnded(record.id);
  if (told !== undefined) await told;
  call.log.info('container stopped', { container: record.id });
  return {};
};
