import type { VersionRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';

/** The kubelet's own API version, which every runtime repeats: kubelet's Version answer, not CRI's. */
const KUBELET_API_VERSION = '0.1.0';

export const version = async ({ release }: Daemon, _request: VersionRequest) => ({
  version: KUBELET_API_VERSION,
  runtimeName: 'berth',
  runtimeVersion: release,
  runtimeApiVersion: 'v1',
});
