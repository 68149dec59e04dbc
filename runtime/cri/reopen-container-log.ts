import { requireRunning } from '../containers/record.ts';
import type { ReopenContainerLogRequest } from '../spec/cri/api_pb.js';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import type { Call } from './transport.ts';

/** After the kubelet has moved the log away: goes on in a new file at the same path. */
export const reopenContainerLog = async (daemon: Daemon, request: ReopenContainerLogRequest, call: Call) => {
  const record = seenContainer(daemon, request.containerId);
  requireRunning(record, 'reopen the log of');
  await daemon.shim.call('reopenLog', { id: record.id }, call.signal);
  return {};
};
