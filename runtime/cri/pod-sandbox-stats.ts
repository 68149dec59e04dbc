import type { PodSandboxStatsRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { seenPod } from './pod-sandbox-status.ts';
import { podStats } from './stats/pod-view.ts';

export const podSandboxStats = async (daemon: Daemon, { podSandboxId }: PodSandboxStatsRequest) => ({
  stats: podStats(await daemon.stats.pod(seenPod(daemon, podSandboxId))),
});
