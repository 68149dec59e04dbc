import { Fail } from '../core/fail.ts';
import type { ContainerConfig } from '../spec/cri/api_pb.js';
import type { Sources } from './input.ts';

/**
 * Looks at the host paths, devices and seccomp profile that the request names. Host paths of mounts that are
 * missing are made as folders, as the kubelet expects of a runtime.
 */
export const prepareSources = async (_container: ContainerConfig): Promise<Sources> => {
  throw new Fail('Unimplemented', 'prepareSources');
};
