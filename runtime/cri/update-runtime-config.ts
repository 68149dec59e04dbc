import { isIP } from 'node:net';
import { Fail } from '../core/fail.ts';
import type { UpdateRuntimeConfigRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import type { Call } from './transport.ts';

/**
 * The kubelet announces the node's pod CIDR. Networks come from the CNI configuration, so it is noted only. A
 * dual-stack node has two, with a comma between them.
 */
export const updateRuntimeConfig = async (
  _daemon: Daemon,
  request: UpdateRuntimeConfigRequest,
  call: Call,
) => {
  const podCidr = request.runtimeConfig?.networkConfig?.podCidr ?? '';
  for (const cidr of podCidr.split(',')) if (podCidr !== '') requireCidr(cidr.trim());
  call.log.info('pod CIDR announced', { podCidr });
  return {};
};

const requireCidr = (text: string): void => {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(address);
  if (family !== 0 && Number(bits) <= (family === 4 ? 32 : 128)) return;
  throw new Fail(
    'InvalidArgument',
    `runtime_config.network_config.pod_cidr: ${JSON.stringify(text)} is not a CIDR such as 10.85.0.0/16`,
  );
};
