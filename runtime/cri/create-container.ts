import type { RuntimeHandler } from '../config/config.ts';
import { removeSpec, writeSpec } from '../containers/bundle.ts';
import { containerFolders } from '../containers/folders.ts';
import type { ContainerRecord } from '../containers/record.ts';
import { removeRootfs } from '../containers/rootfs.ts';
import { stopSignal } from '../containers/signals.ts';
import { removeStaged } from '../containers/staged-mounts.ts';
import { Undo } from '../core/undo.ts';
import type { Image } from '../images/store/image.ts';
import { realtimeNs } from '../linux/clock.ts';
import { requireMount } from '../oci/mounts.ts';
import { execFifoOf, runtimeCommand, taskOf } from '../oci/runtime-command.ts';
import type { PodUsers } from '../oci/user-namespace.ts';
import { podUsers } from '../pods/namespaces.ts';
import { type PodRecord, requireReady } from '../pods/record.ts';
import type { CreateParams } from '../shim/protocol/messages.ts';
import type { ContainerConfig, CreateContainerRequest } from '../spec/cri/api_pb.js';
import type { OciSpec } from '../spec/oci/runtime.ts';
import { adjustContainer } from './adjust-container.ts';
import { mountFiles } from './container-files.ts';
import { specOf } from './container-spec.ts';
import type { Daemon } from './daemon.ts';
import { type HandlerFeatures, requireFeatures } from './handler-features.ts';
import { newId } from './ids.ts';
import { requiredImage, type VolumeImage, volumeImages } from './image-volumes.ts';
import { makeFoldersOfLog } from './log-folder.ts';
import { pidMode } from './pid-namespace.ts';
import { seenPod } from './pod-sandbox-status.ts';
import { requestedContainer, requestedHandler, requestedLogPath, requirePrivilegeOf } from './requests.ts';
import type { Call } from './transport.ts';

/** `<runtime> create` takes some 30 ms; a machine under great load may need far longer. */
const CREATE_TIMEOUT_MS = 120_000;
const UNDO_TIMEOUT_MS = 60_000;

/** A container in its pod, ready to start. Its record stands from the first step on and reserves its name. */
export const createContainer = async (daemon: Daemon, request: CreateContainerRequest, call: Call) => {
  const podId = seenPod(daemon, request.podSandboxId).id;
  const config = requestedContainer(request.config);
  return daemon.queues.run(podId, async () => {
    const pod = seenPod(daemon, podId);
    requireReady(pod, 'create a container');
    for (const mount of config.mounts) requireMount(mount, daemon.host.kernel);
    requirePrivilegeOf([pod.config, request.sandboxConfig], config);
    const image = requiredImage(daemon, config.image?.image ?? '');
    const volumes = volumeImages(daemon, config);
    const handler = requestedHandler(daemon.config, pod.runtimeHandler);
    const features = await daemon.handlerFeatures(handler);
    requireFeatures(features, handler, config, pidMode(pod, config));
    const record = newRecord(daemon, pod, config, { image, volumes });
    daemon.containers.add(record);
    const began = performance.now();
    await makeContainer(daemon, { pod, image, volumes, handler, features, record }, call);
    call.log.info('container created', {
      container: record.id,
      pod: podId,
      name: config.metadata?.name,
      ms: Math.round(performance.now() - began),
    });
    return { containerId: record.id };
  });
};

interface Making {
  readonly pod: PodRecord;
  readonly image: Image;
  readonly volumes: readonly VolumeImage[];
  readonly handler: RuntimeHandler;
  readonly features: HandlerFeatures;
  readonly record: ContainerRecord;
}

const makeContainer = async (daemon: Daemon, making: Making, call: Call): Promise<void> => {
  const { record, pod } = making;
  const { containers, roots, shim } = daemon;
  const folders = containerFolders(roots, record.id);
  const undo = new Undo();
  undo.push('record', () => containers.remove(record.id));
  try {
    const users = podUsers(pod);
    undo.push('root file system', () => removeRootfs(folders));
    undo.push('staged mounts', () => removeStaged(folders));
    if (record.logPath !== null) makeFoldersOfLog(pod.config.logDirectory, record.logPath);
    const files = await mountFiles(daemon, folders, { ...making, users });

    undo.push('bundle', () => removeSpec(roots, record.id));
    const built = await specOf(daemon, { ...making, ...files }, call);
    const { user } = built;
    undo.push('NRI', () => daemon.hooks.containerNotMade(record.id));
    const asked = daemon.hooks.createContainer(pod, record, built.spec);
    const wishes = asked === undefined ? undefined : await asked;
    const { spec, config } =
      wishes === undefined
        ? { ...built, config: record.config }
        : await adjustContainer(daemon, record.config, { spec: built.spec, adjust: wishes });
    writeSpec(roots, record.id, spec);

    undo.push('process', () => shim.call('delete', { id: record.id }, AbortSignal.timeout(UNDO_TIMEOUT_MS)));
    call.signal.throwIfAborted();
    const { pid } = await shim.call(
      'create',
      {
        id: record.id,
        runtime: [...record.runtime],
        bundle: folders.bundle,
        terminal: record.config.tty,
        stdin: record.config.stdin,
        stdinOnce: record.config.stdinOnce,
        logPath: record.logPath,
        ...(pod.config.logDirectory === '' ? {} : { logRoot: pod.config.logDirectory }),
        ...(daemon.config.logSizeMax === undefined ? {} : { logSizeMax: daemon.config.logSizeMax }),
        timeoutMs: CREATE_TIMEOUT_MS,
        ...streamsOwner(users),
        ...execFifo(making, spec),
        ...task(making),
      },
      // Not the client's signal: half a creation helps nobody. What came too late is undone below.
      AbortSignal.timeout(CREATE_TIMEOUT_MS),
    );
    call.signal.throwIfAborted();
    removeStaged(folders);
    const made = containers.update(record.id, (before) => ({
      ...before,
      config,
      user,
      pid,
      createdAtNs: realtimeNs(),
    }));
    undo.disarm();
    const told = daemon.hooks.containerMade(made);
    if (told !== undefined) await told;
  } catch (error) {
    await undo.unwind((what, failure) =>
      call.log.error(`cannot undo: ${what}`, { container: record.id, error: failure }),
    );
    throw error;
  }
};

/** Poststart hooks are run by the `start` of the runtime. */
const execFifo = (
  { handler, features, record }: Making,
  { hooks }: OciSpec,
): Pick<CreateParams, 'execFifo'> =>
  features.execFifo && (hooks?.['poststart'] ?? []).length === 0
    ? { execFifo: execFifoOf(handler, record.id) }
    : {};

const task = ({ handler, pod }: Making): Pick<CreateParams, 'task'> => {
  const wanted = taskOf(handler, pod.id);
  return wanted === undefined ? {} : { task: wanted };
};

/** Root of the pod's user namespace, as the host numbers it. */
const streamsOwner = (users: PodUsers | undefined): Pick<CreateParams, 'streamsOwner'> => {
  if (users === undefined) return {};
  const { uids, gids } = users.mappings;
  return { streamsOwner: { uid: uids.hostID, gid: gids.hostID } };
};

const newRecord = (
  { config: settings }: Daemon,
  pod: PodRecord,
  config: ContainerConfig,
  { image, volumes }: Pick<Making, 'image' | 'volumes'>,
): ContainerRecord => ({
  version: 1,
  id: newId(),
  podId: pod.id,
  config,
  imageName: config.image?.image ?? '',
  imageId: image.id,
  imageVolumes: volumes.map((volume) => volume.image.id),
  runtime: runtimeCommand(requestedHandler(settings, pod.runtimeHandler), settings.cgroupManager),
  logPath: requestedLogPath(pod.config, config),
  stopSignal: stopSignal(config.stopSignal, image.config.config?.StopSignal),
  user: { uid: 0, gid: 0, additionalGids: [] },
  requestedAtNs: realtimeNs(),
  createdAtNs: null,
  pid: null,
  startedAtNs: null,
  exit: null,
  failure: null,
});
