import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeSpec, writeSpec } from '../containers/bundle.ts';
import { containerFolders, type Roots } from '../containers/folders.ts';
import { absent } from '../core/absent.ts';
import { realtimeNs } from '../linux/clock.ts';
import { isMountPoint, MountFlag, mount } from '../linux/mounts.ts';
import { ociMappings, type PodUsers } from '../oci/user-namespace.ts';
import type { CreateParams } from '../shim/protocol/messages.ts';
import type { OciSpec } from '../spec/oci/runtime.ts';
import type { PodContext } from './context.ts';
import { pauseRoot, pinnedPid } from './folders.ts';
import { podUsers } from './namespaces.ts';
import { pauseProgram } from './pause-program.ts';
import { type PodRecord, stateOf } from './record.ts';

const PAUSE_TIMEOUT_MS = 60_000;

/** Nobody: the program needs no right at all. */
const NOBODY = 65_534;

export interface PauseOptions {
  readonly runtime: readonly string[];
  readonly cgroupsPath: string;
  /** See `CreateParams`. */
  readonly task?: CreateParams['task'];
  /** Further ones of a pod that a shim of containerd's API has. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * The pod's shared PID namespace, made when the first container asks for it: most pods never do, and a
 * namespace of this kind cannot be kept without a process. The shim knows the process under the pod's id.
 * In the pod's queue.
 */
export const sharedPidNamespace = async (
  context: PodContext,
  record: PodRecord,
  options: PauseOptions,
): Promise<string> => {
  const path = pinnedPid(context.roots, record.id);
  if (record.pauseStarted && isMountPoint(path)) return path;
  await endPause(context, record, AbortSignal.timeout(PAUSE_TIMEOUT_MS)); // of an attempt that was cut short
  context.pods.update(record.id, (before) => ({ ...before, pauseStarted: true }));
  const pid = await startPause(context, record, options);
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  closeSync(openSync(path, 'wx', 0o444));
  mount({ source: `/proc/${pid}/ns/pid`, target: path, type: null, flags: MountFlag.bind });
  return path;
};

/** The same files for every pod and each release, put in place by a rename: one that runs keeps its own. */
const makePauseRoot = async (roots: Roots): Promise<string> => {
  const rootfs = pauseRoot(roots);
  for (const folder of ['proc', 'dev']) await mkdir(join(rootfs, folder), { recursive: true });
  const [program, file] = [pauseProgram(process.arch), join(rootfs, 'pause')];
  if ((await readFile(file).catch(absent))?.equals(program) === true) return rootfs;
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, program, { mode: 0o555 });
  await rename(temporary, file);
  return rootfs;
};

const startPause = async (
  { roots, shim }: PodContext,
  { id, config, namespaces }: PodRecord,
  { runtime, cgroupsPath, task, annotations: further }: PauseOptions,
): Promise<number> => {
  const rootfs = await makePauseRoot(roots);
  const spec = pauseSpec({ rootfs, namespaces, users: podUsers({ config, namespaces }), cgroupsPath });
  const annotations =
    task === undefined ? {} : { annotations: { ...further, ...sandboxAnnotations({ id, config }) } };
  writeSpec(roots, id, { ...spec, ...annotations });
  const signal = AbortSignal.timeout(PAUSE_TIMEOUT_MS);
  const { pid } = await shim.call(
    'create',
    {
      id,
      runtime: [...runtime],
      bundle: containerFolders(roots, id).bundle,
      terminal: false,
      stdin: false,
      stdinOnce: false,
      logPath: null,
      timeoutMs: PAUSE_TIMEOUT_MS,
      ...(task === undefined ? {} : { task }),
    },
    signal,
  );
  await shim.call('start', { id }, signal);
  return pid;
};

/**
 * The process has ended by itself, killed from the host or for want of memory, and with it, as the kernel has it,
 * all others of its namespace: the pod is not ready any more, and the kubelet makes another.
 * In the middle of `sharedPidNamespace` there is no pin, and no pod to give up.
 */
export const notePauseEnd = ({ pods, roots, log }: PodContext, id: string): void => {
  const pod = pods.get(id);
  if (pod === undefined || stateOf(pod) !== 'ready' || !isMountPoint(pinnedPid(roots, id))) return;
  log.error('the process that keeps the pod’s PID namespace has ended', { pod: id });
  try {
    pods.update(id, (before) => ({ ...before, stoppingAtNs: realtimeNs() }));
  } catch (error) {
    // A full tmpfs: the shim tells it again when the two next meet.
    log.error('cannot record that a pod is not ready', { pod: id, error });
  }
};

/** Ends the process, if the pod has one. Idempotent; `unpinPod` takes the pin. */
export const endPause = async (
  { roots, shim }: PodContext,
  { id, pauseStarted }: PodRecord,
  signal: AbortSignal,
): Promise<void> => {
  if (!pauseStarted) return;
  await shim.call('delete', { id }, signal);
  removeSpec(roots, id);
};

/** By these a shim knows that this is the pod's sandbox, for which it makes a virtual machine, and what goes into it. */
const sandboxAnnotations = ({ id, config }: Pick<PodRecord, 'id' | 'config'>): Record<string, string> => ({
  'io.kubernetes.cri.container-type': 'sandbox',
  'io.kubernetes.cri-o.ContainerType': 'sandbox',
  'io.kubernetes.cri.sandbox-id': id,
  'io.kubernetes.cri-o.SandboxID': id,
  'io.kubernetes.cri.sandbox-name': config.metadata?.name ?? '',
  'io.kubernetes.cri.sandbox-namespace': config.metadata?.namespace ?? '',
  'io.kubernetes.cri.sandbox-uid': config.metadata?.uid ?? '',
});

interface PauseSpecInput {
  readonly rootfs: string;
  readonly namespaces: PodRecord['namespaces'];
  readonly users: PodUsers | undefined;
  readonly cgroupsPath: string;
}

const pauseSpec = ({ rootfs, namespaces, users, cgroupsPath }: PauseSpecInput): OciSpec => ({
  ociVersion: '1.0.2',
  process: {
    // A small user namespace has no nobody; its root is nobody outside of it.
    user: users === undefined ? { uid: NOBODY, gid: NOBODY } : { uid: 0, gid: 0 },
    args: ['/pause'],
    env: [],
    cwd: '/',
    capabilities: { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] },
    noNewPrivileges: true,
  },
  root: { path: rootfs, readonly: true },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'noexec', 'size=64k'] },
  ],
  linux: {
    cgroupsPath,
    ...(users === undefined ? {} : ociMappings(users.mappings)),
    namespaces: [
      { type: 'pid' },
      { type: 'mount' },
      ...(['user', 'network', 'ipc', 'uts'] as const).flatMap((type) => {
        const path = namespaces[type];
        return path === undefined ? [] : [{ type, path }];
      }),
    ],
    maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
  },
});
