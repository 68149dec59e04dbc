import { Fail } from '../core/fail.ts';
import type { PodSandboxConfig } from '../spec/cri/api_pb.js';

/**
 * The pod's sysctls, defaults under the request's, to be written in its namespaces when these are pinned.
 * Fails `InvalidArgument` for a name outside the namespaced ones, one of a namespace that the pod shares with
 * the host, and a value with control characters. Names have dots: `net.ipv4.ip_forward`.
 */
export const podSysctls = (
  _pod: PodSandboxConfig,
  _defaults: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => {
  throw new Fail('Unimplemented', 'podSysctls');
};
