import { clone, create } from '@bufbuild/protobuf';
import { cgroupLimits } from '../oci/limits.ts';
import { type PodRecord, requireReady } from '../pods/record.ts';
import {
  LinuxPodSandboxConfigSchema,
  PodSandboxConfigSchema,
  type UpdatePodSandboxResourcesRequest,
} from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { seenPod } from './pod-sandbox-status.ts';

/** Notes what the pod as a whole has from now on. Its cgroup is the kubelet's, which has set it already. */
export const updatePodSandboxResources = async (
  daemon: Daemon,
  request: UpdatePodSandboxResourcesRequest,
) => {
  const { id } = seenPod(daemon, request.podSandboxId);
  for (const part of [request.overhead, request.resources]) cgroupLimits(part, 0, daemon.host);
  return daemon.queues.run(id, async () => {
    const pod = seenPod(daemon, id);
    requireReady(pod, 'update the resources');
    const told = daemon.hooks.updatePod(pod, request);
    if (told !== undefined) await told;
    const after = daemon.hooks.podUpdated(
      daemon.pods.update(id, (before) => ({ ...before, config: configWith(before, request) })),
    );
    if (after !== undefined) await after;
    return {};
  });
};

const configWith = (
  { config }: PodRecord,
  { overhead, resources }: UpdatePodSandboxResourcesRequest,
): PodRecord['config'] => {
  const changed = clone(PodSandboxConfigSchema, config);
  changed.linux ??= create(LinuxPodSandboxConfigSchema);
  if (overhead !== undefined) changed.linux.overhead = overhead;
  if (resources !== undefined) changed.linux.resources = resources;
  return changed;
};
