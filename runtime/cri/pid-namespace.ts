import { type ContainerRecord, requireRunning } from '../containers/record.ts';
import { Fail } from '../core/fail.ts';
import { sharedPidNamespace } from '../pods/pause.ts';
import type { PodRecord } from '../pods/record.ts';
import { type ContainerConfig, NamespaceMode } from '../spec/cri/api_pb.js';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import { ociCgroup } from './oci-cgroup.ts';

const namespaceOptions = (pod: PodRecord, config: ContainerConfig) =>
  config.linux?.securityContext?.namespaceOptions ?? pod.config.linux?.securityContext?.namespaceOptions;

/** Whose processes the container sees. */
export const pidMode = (pod: PodRecord, config: ContainerConfig): NamespaceMode =>
  namespaceOptions(pod, config)?.pid ?? NamespaceMode.POD;

/** The PID namespace to join: the pod's shared one, or that of the container which this one is to look at. */
export const pidNamespaceOf = async (
  daemon: Daemon,
  pod: PodRecord,
  { config, runtime }: ContainerRecord,
): Promise<{ readonly pid?: string }> => {
  const mode = pidMode(pod, config);
  if (mode === NamespaceMode.TARGET) {
    const target = targetIn(daemon, pod, namespaceOptions(pod, config)?.targetId ?? '');
    requireRunning(target, 'join the processes of');
    return { pid: `/proc/${target.pid}/ns/pid` };
  }
  if (mode !== NamespaceMode.POD) return {};
  const cgroupsPath = ociCgroup(daemon.config, pod, pod.id);
  return { pid: await sharedPidNamespace(daemon, pod, { runtime, cgroupsPath }) };
};

/** CRI: a container of the same pod. Another pod's processes are none of this one's business. */
const targetIn = (daemon: Daemon, pod: PodRecord, id: string): ContainerRecord => {
  const field = 'config.linux.security_context.namespace_options.target_id';
  if (id === '') throw new Fail('InvalidArgument', `the request lacks ${field}`);
  const target = seenContainer(daemon, id);
  if (target.podId === pod.id) return target;
  throw new Fail('InvalidArgument', `${field} ${id} is not a container of pod ${pod.id}`);
};
