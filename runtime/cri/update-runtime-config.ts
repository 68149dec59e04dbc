import type { UpdateRuntimeConfigRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import type { Call } from './transport.ts';

/** The kubelet announces the node's pod CIDR. Networks come from the CNI configuration, so it is noted only. */
export const updateRuntimeConfig = async (
  _daemon: Daemon,
  request: UpdateRuntimeConfigRequest,
  call: Call,
) => {
  call.log.info('pod CIDR announced', { podCidr: request.runtimeConfig?.networkConfig?.podCidr });
  return {};
};
