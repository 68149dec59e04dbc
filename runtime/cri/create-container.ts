import { dirname } from 'node:path';
import type { RuntimeHandler } from '../config/config.ts';
import { removeSpec, writeSpec } from '../containers/bundle.ts';
import { containerFolders } from '../containers/folders.ts';
import { type ContainerRecord, requireRunning } from '../containers/record.ts';
import { relabel } from '../containers/relabel.ts';
import { mountRootfs, removeRootfs } from '../containers/rootfs.ts';
import { stopSignal } from '../containers/signals.ts';
import { removeStaged, stageMapped } from '../containers/staged-mounts.ts';
import { Fail } from '../core/fail.ts';
import { Undo } from '../core/undo.ts';
import type { Image } from '../images/store/image.ts';
import { realtimeNs } from '../linux/clock.ts';
import { readFileInRoot } from '../linux/in-root.ts';
import { applyEdits, resolveEdits } from '../oci/cdi/apply-edits.ts';
import { findDevices, requestedDevices } from '../oci/cdi/find-devices.ts';
import type { Sources } from '../oci/input.ts';
import { requireMount } from '../oci/mounts.ts';
import { runtimeCommand } from '../oci/runtime-command.ts';
import { type SelinuxLabels, selinuxLabels } from '../oci/selinux.ts';
import { prepareSources } from '../oci/sources.ts';
import { buildSpec } from '../oci/spec.ts';
import { MAX_ACCOUNT_FILE_BYTES, resolveUser } from '../oci/user.ts';
import type { PodUsers } from '../oci/user-namespace.ts';
import { podFilesOf } from '../pods/files.ts';
import { podUsers } from '../pods/namespaces.ts';
import { sharedPidNamespace } from '../pods/pause.ts';
import { type PodRecord, requireReady } from '../pods/record.ts';
import { containerCgroup, podCgroupParent } from '../resources/cgroup-paths.ts';
import type { CreateParams } from '../shim/protocol/messages.ts';
import { type ContainerConfig, type CreateContainerRequest, NamespaceMode } from '../spec/cri/api_pb.js';
import type { OciSpec } from '../spec/oci/runtime.ts';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import type { HandlerFeatures } from './handler-features.ts';
import { newId } from './ids.ts';
import { requiredImage, stageImages, type VolumeImage, volumeImages } from './image-volumes.ts';
import { makeLogFolder } from './log-folder.ts';
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
    requirePrivilegeOf(pod.config, config);
    const image = requiredImage(daemon, config.image?.image ?? '');
    const volumes = volumeImages(daemon, config);
    const handler = requestedHandler(daemon.config, pod.runtimeHandler);
    const features = await daemon.handlerFeatures(handler);
    requireFeatures(features, handler, pod, config);
    const record = newRecord(daemon, pod, config, { image, volumes });
    daemon.containers.add(record);
    const began = performance.now();
    await makeContainer(daemon, { pod, image, volumes, features, record }, call);
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
  readonly features: HandlerFeatures;
  readonly record: ContainerRecord;
}

const makeContainer = async (daemon: Daemon, making: Making, call: Call): Promise<void> => {
  const { record, image, pod, volumes } = making;
  const { containers, roots, shim } = daemon;
  const folders = containerFolders(roots, record.id);
  const undo = new Undo();
  undo.push('record', () => containers.remove(record.id));
  try {
    const users = podUsers(pod);
    undo.push('root file system', () => removeRootfs(folders));
    undo.push('staged mounts', () => removeStaged(folders));
    const selinux = labelsOf(daemon, pod, record.config);
    const layers = { store: roots.root, folders: daemon.images.lowerDirs(image), users };
    mountRootfs(folders, layers, selinux?.file);
    if (record.logPath !== null) makeLogFolder('config.log_path', dirname(record.logPath));
    const images = stageImages(daemon, folders, volumes, users);
    const found = await prepareSources(record.config, {
      images,
      rejectAbsent: daemon.config.absentMountSourcesToReject,
    });
    if (selinux !== undefined) await relabelVolumes(record.config.mounts, found.mounts, selinux);
    const mounts = stageMapped(folders, record.config.mounts, found.mounts, users);
    const sources = { ...found, mounts };

    undo.push('bundle', () => removeSpec(roots, record.id));
    const { spec, user } = await specOf(daemon, making, { sources, selinux }, call);
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
        ...(daemon.config.logSizeMax === undefined ? {} : { logSizeMax: daemon.config.logSizeMax }),
        timeoutMs: CREATE_TIMEOUT_MS,
        ...streamsOwner(users),
      },
      // Not the client's signal: half a creation helps nobody. What came too late is undone below.
      AbortSignal.timeout(CREATE_TIMEOUT_MS),
    );
    call.signal.throwIfAborted();
    removeStaged(folders);
    containers.update(record.id, (before) => ({ ...before, user, pid, createdAtNs: realtimeNs() }));
  } catch (error) {
    await undo.unwind((what, failure) =>
      call.log.error(`cannot undo: ${what}`, { container: record.id, error: failure }),
    );
    throw error;
  }
};

const labelsOf = (
  { host, config }: Daemon,
  pod: PodRecord,
  container: ContainerConfig,
): SelinuxLabels | undefined =>
  selinuxLabels({
    enabled: host.selinux,
    always: config.selinux,
    privileged: container.linux?.securityContext?.privileged === true,
    container: container.linux?.securityContext?.selinuxOptions,
    pod: pod.config.linux?.securityContext?.selinuxOptions,
    level: pod.selinuxLevel,
  });

const relabelVolumes = async (
  mounts: ContainerConfig['mounts'],
  sources: Sources['mounts'],
  { file }: SelinuxLabels,
): Promise<void> => {
  for (const [index, { source }] of sources.entries())
    if (mounts[index]?.selinuxRelabel === true && mounts[index].image === undefined)
      await relabel(source, file);
};

/** Root of the pod's user namespace, as the host numbers it. */
const streamsOwner = (users: PodUsers | undefined): Pick<CreateParams, 'streamsOwner'> => {
  if (users === undefined) return {};
  const { uids, gids } = users.mappings;
  return { streamsOwner: { uid: uids.hostID, gid: gids.hostID } };
};

/** What the request relies on and not every OCI runtime has. The kubelet looks for the word in front. */
const requireFeatures = (
  { recursiveReadOnlyMounts, ownKernel }: HandlerFeatures,
  { name }: RuntimeHandler,
  pod: PodRecord,
  config: ContainerConfig,
): void => {
  const mount = config.mounts.find(({ recursiveReadOnly }) => recursiveReadOnly);
  if (mount !== undefined && !recursiveReadOnlyMounts)
    throw new Fail(
      'FailedPrecondition',
      `RROUnsupported: mount ${mount.containerPath}: runtime handler ${name} has no recursive read-only mounts here`,
    );
  const mode = pidMode(pod, config);
  if (ownKernel && mode !== NamespaceMode.CONTAINER)
    throw new Fail(
      'FailedPrecondition',
      `namespace_options.pid is ${NamespaceMode[mode]}, but containers of runtime handler ${name} see no processes but their own`,
    );
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

const specOf = async (
  daemon: Daemon,
  { pod, image, features, record }: Making,
  { sources, selinux }: { readonly sources: Sources; readonly selinux: SelinuxLabels | undefined },
  call: Call,
): Promise<{ spec: OciSpec; user: ContainerRecord['user'] }> => {
  const { config: settings, host } = daemon;
  const { merged } = containerFolders(daemon.roots, record.id);
  const account = (path: string) => readFileInRoot(merged, path, MAX_ACCOUNT_FILE_BYTES)?.toString('utf8');
  const user = resolveUser(record.config.linux?.securityContext, image.config.config?.User ?? '', {
    passwd: account('/etc/passwd'),
    group: account('/etc/group'),
  });
  const apparmor = await daemon.appArmor();
  const { spec, notes } = buildSpec({
    containerId: record.id,
    podId: pod.id,
    pod: pod.config,
    container: record.config,
    image: { reference: record.imageName, config: image.config },
    user,
    rootfs: merged,
    ...mappingsOf(podUsers(pod)),
    namespaces: { ...pod.namespaces, ...(await pidNamespaceOf(daemon, pod, record)) },
    files: podFilesOf(daemon.roots, pod.id, pod.config),
    sources,
    cgroupsPath: cgroupOf(daemon, pod, record.id),
    host,
    ownKernel: features.ownKernel,
    ...(apparmor === undefined ? {} : { apparmor }),
    ...(selinux === undefined ? {} : { selinux }),
    defaults: settings,
  });
  for (const note of notes) call.log.warn(note, { container: record.id });
  return { spec: await withCdiDevices(spec, record.config, settings.cdiSpecDirs), user };
};

const withCdiDevices = async (
  spec: OciSpec,
  config: ContainerConfig,
  folders: readonly string[],
): Promise<OciSpec> => {
  const names = requestedDevices(config);
  return names.length === 0 ? spec : applyEdits(spec, await resolveEdits(await findDevices(names, folders)));
};

const mappingsOf = (users: PodUsers | undefined) => (users === undefined ? {} : { mappings: users.mappings });

const namespaceOptions = (pod: PodRecord, config: ContainerConfig) =>
  config.linux?.securityContext?.namespaceOptions ?? pod.config.linux?.securityContext?.namespaceOptions;

const pidMode = (pod: PodRecord, config: ContainerConfig): NamespaceMode =>
  namespaceOptions(pod, config)?.pid ?? NamespaceMode.POD;

/** The PID namespace to join: the pod's shared one, or that of the container which this one is to look at. */
const pidNamespaceOf = async (
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
  const cgroupsPath = cgroupOf(daemon, pod, pod.id);
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

const cgroupOf = ({ config }: Daemon, pod: PodRecord, id: string): string => {
  const parent = podCgroupParent(config.cgroupManager, pod.config.linux?.cgroupParent ?? '');
  return containerCgroup(config.cgroupManager, parent, id).ociPath;
};
