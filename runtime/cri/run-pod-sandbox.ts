import type { RuntimeHandler } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import { Undo } from '../core/undo.ts';
import { realtimeNs } from '../linux/clock.ts';
import { podIps } from '../network/pod-ips.ts';
import { machineAnnotations } from '../oci/annotations.ts';
import { runtimeCommand, taskOf } from '../oci/runtime-command.ts';
import { newLevel, selinuxLabels } from '../oci/selinux.ts';
import { shmBytes } from '../oci/shm-size.ts';
import { podSysctls } from '../oci/sysctls.ts';
import { requestedMappings } from '../oci/user-namespace.ts';
import { makePodFiles, removePodFiles, writeHosts } from '../pods/files.ts';
import { pinPod, unpinPod } from '../pods/namespaces.ts';
import { podNetwork } from '../pods/network.ts';
import { endPause, sharedPidNamespace } from '../pods/pause.ts';
import { type PodRecord, stateOf } from '../pods/record.ts';
import { podCgroupParent } from '../resources/cgroup-paths.ts';
import type { PodSandboxConfig, RunPodSandboxRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { newId } from './ids.ts';
import { makeLogFolder } from './log-folder.ts';
import { ociCgroup } from './oci-cgroup.ts';
import { requestedHandler, requestedPod } from './requests.ts';
import { requirePathSize } from './require-sizes.ts';
import type { Call } from './transport.ts';

/** Giving a network back must work when the request's own time is over. */
const UNDO_TIMEOUT_MS = 60_000;

/** A pod: namespaces, network, files. Its record stands from the first step on and reserves its name. */
export const runPodSandbox = async (daemon: Daemon, request: RunPodSandboxRequest, call: Call) => {
  const config = requestedPod(request);
  const handler = requestedHandler(daemon.config, request.runtimeHandler);
  const parent = podCgroupParent(daemon.config.cgroupManager, config.linux?.cgroupParent ?? '');
  // With room for the hierarchy before it and a container's folder behind.
  requirePathSize(
    'config.linux.cgroup_parent',
    `/sys/fs/cgroup/net_cls,net_prio/${parent}/berth-${newId()}.scope`,
  );
  if (requestedMappings(config) !== undefined) await requireUserNamespaces(daemon, handler);
  const level = levelOf(daemon);
  const wish: Wish = {
    label: podLabel(daemon, config, level),
    sysctls: podSysctls(config, daemon.config.defaultSysctls),
    shmBytes: shmBytes(config.annotations, handler.allowedAnnotations),
  };
  const record: PodRecord = {
    version: 1,
    id: newId(),
    config,
    runtimeHandler: request.runtimeHandler,
    namespaces: {},
    pauseStarted: false,
    ...(level === undefined ? {} : { selinuxLevel: level }),
    network: null,
    createdAtNs: realtimeNs(),
    readyAtNs: null,
    stoppingAtNs: null,
    stoppedAtNs: null,
  };
  const began = performance.now();
  await earlierAttempt(daemon, record);
  daemon.pods.add(record);
  await daemon.queues.run(record.id, () => makePod(daemon, record, wish, call));
  call.log.info('pod up', { pod: record.id, ...names(record), ms: Math.round(performance.now() - began) });
  return { podSandboxId: record.id };
};

const requireUserNamespaces = async (daemon: Daemon, handler: RuntimeHandler): Promise<void> => {
  if ((await daemon.handlerFeatures(handler)).userNamespaces) return;
  throw new Fail(
    'FailedPrecondition',
    `pods of runtime handler ${handler.name} cannot have user namespaces on this node`,
    { hint: 'the log of berthd says what is missing; or use hostUsers: true' },
  );
};

const podLabel = (
  daemon: Pick<Daemon, 'config' | 'host'>,
  config: PodSandboxConfig,
  level: string | undefined,
): string | undefined =>
  selinuxLabels({
    enabled: daemon.host.selinux,
    always: daemon.config.selinux,
    privileged: config.linux?.securityContext?.privileged === true,
    container: undefined,
    pod: config.linux?.securityContext?.selinuxOptions,
    level,
  })?.file;

/** SELinux categories of the pod's own, where every container is labelled. */
const levelOf = ({ config, host, pods }: Daemon): string | undefined =>
  host.selinux && config.selinux
    ? newLevel(new Set(pods.list().map(({ selinuxLevel = '' }) => selinuxLevel)))
    : undefined;

/**
 * A client that gave up and asks again meets its own first request, still being made or unwound: it waits for
 * the end of that, instead of being told for ever that its name is reserved.
 */
const earlierAttempt = async ({ pods, queues }: Daemon, record: PodRecord): Promise<void> => {
  const earlier = pods.namesake(record);
  if (earlier !== undefined && stateOf(earlier) === 'making') await queues.run(earlier.id, async () => {});
};

interface Wish {
  readonly sysctls: Readonly<Record<string, string>>;
  readonly shmBytes: number;
  /** SELinux label of the pod's files. */
  readonly label: string | undefined;
}

const makePod = async (daemon: Daemon, record: PodRecord, wish: Wish, call: Call): Promise<void> => {
  const { id, config } = record;
  const { pods, roots, hooks } = daemon;
  const undo = new Undo();
  undo.push('record', () => pods.remove(id));
  try {
    if (config.logDirectory !== '') makeLogFolder('config.log_directory', config.logDirectory);

    undo.push('namespaces', () => unpinPod(roots, id));
    const namespaces = await pinPod(daemon, id, config, wish.sysctls);

    undo.push('files', () => removePodFiles(roots, id));
    undo.push('network', () => daemon.network.del({ id }, AbortSignal.timeout(UNDO_TIMEOUT_MS)));
    const connecting = connect(daemon, id, config, namespaces.network, call.signal);
    const network = await besides(connecting, () => makePodFiles(roots, id, config, wish));
    writeHosts(roots, id, config, { ...wish, ips: network === null ? [] : podIps(network) });

    undo.push('sandbox', async () => {
      const made = pods.get(id);
      if (made !== undefined) await endPause(daemon, made, AbortSignal.timeout(UNDO_TIMEOUT_MS));
    });
    await makeSandbox(daemon, { ...record, namespaces, network });

    undo.push('NRI', () => hooks.podNotMade(id));
    const told = hooks.runPod({ ...record, namespaces, network });
    if (told !== undefined) await told;

    call.signal.throwIfAborted();
    pods.update(id, (before) => ({ ...before, namespaces, network, readyAtNs: realtimeNs() }));
    hooks.podMade(id);
  } catch (error) {
    await undo.unwind((what, failure) => call.log.error(`cannot undo: ${what}`, { pod: id, error: failure }));
    throw error;
  }
};

/** What a shim of containerd's API makes for a pod before its containers: a virtual machine, for one. */
const makeSandbox = async (daemon: Daemon, record: PodRecord): Promise<void> => {
  const handler = requestedHandler(daemon.config, record.runtimeHandler);
  const task = taskOf(handler, record.id);
  if (task === undefined) return;
  await sharedPidNamespace(daemon, record, {
    runtime: runtimeCommand(handler, daemon.config.cgroupManager),
    cgroupsPath: ociCgroup(daemon.config, record, record.id),
    task,
    annotations: machineAnnotations(record.config.annotations, handler.allowedAnnotations),
  });
};

/** CNI ADD, for a pod with a network of its own. */
const connect = async (
  daemon: Daemon,
  id: string,
  config: PodRecord['config'],
  netns: string | undefined,
  signal: AbortSignal,
): Promise<PodRecord['network']> =>
  netns === undefined ? null : daemon.network.add(podNetwork(id, config, netns), signal);

/**
 * Does the work while something else is under way, which has been begun in earnest by then: what it asks the shim for is
 * asked. Waits for it in any case, so that nothing is undone which is still being made.
 */
const besides = async <T>(underWay: Promise<T>, work: () => void): Promise<T> => {
  const outcome = Promise.allSettled([underWay]);
  await new Promise(setImmediate);
  try {
    work();
  } finally {
    await outcome;
  }
  return underWay;
};

const names = ({ config: { metadata } }: PodRecord) => ({
  name: metadata?.name,
  namespace: metadata?.namespace,
});
