import { CgroupDriver, type RuntimeConfigRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';

/** Tells the kubelet the cgroup driver, so that the two need no agreement in configuration. */
export const runtimeConfig = async ({ config }: Daemon, _request: RuntimeConfigRequest) => ({
  linux: { cgroupDriver: config.cgroupManager === 'systemd' ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS },
});
