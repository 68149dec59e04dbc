import { closeSync, constants, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import { callNumbers, memory, numberedCall, systemCall } from './ffi.ts';
import { unmount } from './mounts.ts';
import { namespaceProgram } from './namespace-program.ts';
import { hasErrno } from './system-call-failed.ts';

export type NamespaceKind = 'net' | 'ipc' | 'uts';

/** CLONE_NEW* of sched.h. */
const cloneFlags: Readonly<Record<NamespaceKind, number>> = {
  net: 0x40000000,
  ipc: 0x08000000,
  uts: 0x04000000,
};

/** The user namespace that the other kinds belong to; no thread of this process can be in another. */
const NEWUSER = 0x10000000;

const unshare = systemCall('unshare', ['int']);
const setns = systemCall('setns', ['int', 'int']);
const ioctl = systemCall('ioctl', ['int', 'uint64', 'void *']);
const socket = systemCall('socket', ['int', 'int', 'int']);
const sethostname = systemCall('sethostname', ['str', 'size_t']);
const mount = systemCall('mount', ['str', 'str', 'str', 'uint64', 'str']);
const setresuid = numberedCall('setresuid', callNumbers.setresuid);

export interface PinRequest {
  /** Folder of the pod; made when absent. Each namespace is bound to `<dir>/<kind>`. */
  readonly dir: string;
  readonly kinds: readonly NamespaceKind[];
  readonly hostname?: string;
  /** Of namespaced kinds only; keys with dots (`net.ipv4.ip_forward`), as the OCI specification has them. */
  readonly sysctls?: Readonly<Record<string, string>>;
}

export type PinnedNamespaces = Readonly<Partial<Record<NamespaceKind, string>>>;

/**
 * Makes namespaces and keeps each alive through a bind mount, without any process in them.
 *
 * All of it happens on the calling thread within one tick: unshare, set up (loopback up, host name, sysctls),
 * bind, setns back. When the way back fails the process aborts, since everything it would do from then on
 * would happen in the pod's namespaces; the daemon is restartable, a confused daemon is not.
 * On failure nothing stays. Costs about 1 ms.
 */
export function pinNamespaces(request: PinRequest): PinnedNamespaces {
  mkdirSync(request.dir, { recursive: true, mode: 0o711 });
  const pinned: Partial<Record<NamespaceKind, string>> = {};
  const home = request.kinds.map((kind) => ({ kind, fd: openNamespace(`/proc/thread-self/ns/${kind}`) }));
  try {
    unshare(flagsOf(request.kinds));
    try {
      furnish(request);
      for (const kind of request.kinds)
        pinned[kind] = bind(`/proc/thread-self/ns/${kind}`, join(request.dir, kind));
    } finally {
      goHome(home);
    }
    return pinned;
  } catch (error) {
    for (const path of Object.values(pinned)) unpinNamespace(path);
    throw error;
  } finally {
    for (const { fd } of home) closeSync(fd);
  }
}

/** The executable that takes a user namespace and others that belong to it: see `namespaceProgram`. */
export const userNamespaceProgram = (kinds: readonly NamespaceKind[]): Buffer =>
  namespaceProgram(process.arch, flagsOf(kinds) | NEWUSER);

/** Pins namespaces of another process, each to `<dir>/<kind>`. On failure nothing stays. */
export function pinNamespacesOf(pid: number, dir: string, kinds: readonly (NamespaceKind | 'user')[]): void {
  const pinned: string[] = [];
  try {
    for (const kind of kinds) pinned.push(bind(`/proc/${pid}/ns/${kind}`, join(dir, kind)));
  } catch (error) {
    for (const path of pinned) unpinNamespace(path);
    throw error;
  }
}

export interface FurnishRequest extends Pick<PinRequest, 'hostname' | 'sysctls'> {
  readonly pinned: PinnedNamespaces;
  /** Root of the user namespace that they belong to, as the host numbers it. */
  readonly owner: number;
}

/**
 * Sets up namespaces that belong to another user namespace, as `pinNamespaces` does with its own. Files of
 * /proc/sys that an IPC namespace has are its root's, and nobody else may write them, the host's root included.
 */
export function furnishNamespaces({ pinned, owner, hostname, sysctls = {} }: FurnishRequest): void {
  const { net, ipc, uts } = pinned;
  const entries = Object.entries(sysctls);
  const ofNetwork = entries.filter(([key]) => /^net[./]/.test(key));
  const others = entries.filter((entry) => !ofNetwork.includes(entry));
  if (net !== undefined)
    inNamespace(net, () => furnish({ kinds: ['net'], sysctls: Object.fromEntries(ofNetwork) }));
  if (uts !== undefined && hostname !== undefined)
    inNamespace(uts, () => furnish({ kinds: ['uts'], hostname }));
  if (ipc !== undefined && others.length > 0)
    inNamespace(ipc, () => asUser(owner, () => furnish({ kinds: [], sysctls: Object.fromEntries(others) })));
}

/** Runs `work`, which must be synchronous, on this thread as that user; the other threads stay what they are. */
function asUser(uid: number, work: () => void): void {
  const KEEP = -1;
  setresuid(KEEP, uid, KEEP);
  try {
    work();
  } finally {
    try {
      setresuid(KEEP, 0, KEEP);
    } catch (error) {
      process.stderr.write(`cannot become root again, aborting: ${String(error)}\n`);
      process.abort();
    }
  }
}

/** Lets go of a pinned namespace and removes its file. Idempotent. */
export function unpinNamespace(path: string): void {
  try {
    unmount(path, { detach: true });
  } catch (error) {
    if (!hasErrno(error, 'EINVAL', 'ENOENT')) throw error;
  }
  rmSync(path, { force: true });
}

/**
 * Runs `work` on this thread inside the namespace at `path` and comes back before returning. `work` must be
 * synchronous: what it defers would run outside. Sockets made inside belong to the namespace for ever.
 * The process aborts when the way back fails.
 */
export function inNamespace<T>(path: string, work: () => T): T {
  const target = openNamespace(path);
  try {
    const kind = kindOf(target);
    const home = { kind, fd: openNamespace(`/proc/thread-self/ns/${kind}`) };
    try {
      setns(target, cloneFlags[kind]);
      try {
        return work();
      } finally {
        goHome([home]);
      }
    } finally {
      closeSync(home.fd);
    }
  } finally {
    closeSync(target);
  }
}

/** NS_GET_NSTYPE of linux/nsfs.h answers with the namespace's CLONE_NEW* flag. */
function kindOf(namespace: number): NamespaceKind {
  const flag = ioctl(namespace, 0xb703, null);
  for (const kind of ['net', 'ipc', 'uts'] as const) if (cloneFlags[kind] === flag) return kind;
  throw new RangeError(`namespace of kind 0x${flag.toString(16)} cannot be entered by a thread`);
}

const openNamespace = (path: string): number => openSync(path, constants.O_RDONLY);

function goHome(home: readonly { readonly kind: NamespaceKind; readonly fd: number }[]): void {
  try {
    for (const { kind, fd } of home) setns(fd, cloneFlags[kind]);
  } catch (error) {
    process.stderr.write(`cannot return to the host's namespaces, aborting: ${String(error)}\n`);
    process.abort();
  }
}

const flagsOf = (kinds: readonly NamespaceKind[]): number =>
  kinds.reduce((flags, kind) => flags | cloneFlags[kind], 0);

function furnish({ kinds, hostname, sysctls }: Omit<PinRequest, 'dir'>): void {
  if (kinds.includes('net')) raiseLoopback();
  if (hostname !== undefined && kinds.includes('uts')) sethostname(hostname, Buffer.byteLength(hostname));
  for (const [key, value] of Object.entries(sysctls ?? {})) writeSysctl(key, value);
}

/** A key's dots are slashes, unless it is written with slashes already (sysctl(8), for names with dots in them). */
function writeSysctl(key: string, value: string): void {
  const path = key.includes('/') ? key : key.replaceAll('.', '/');
  if (path.split('/').includes('..'))
    throw new RangeError(`sysctl key ${JSON.stringify(key)} leaves /proc/sys`);
  try {
    writeFileSync(join('/proc/sys', path), value);
  } catch (cause) {
    const why = hasErrno(cause, 'ENOENT') ? 'the kernel has none of that name' : 'the kernel refuses it';
    throw new Fail('InvalidArgument', `sysctls: ${key}=${JSON.stringify(value)}: ${why}`, { cause });
  }
}

/** `ip link set lo up`: IFF_UP through SIOCSIFFLAGS (netdevice(7)). */
function raiseLoopback(): void {
  const [AF_INET, SOCK_DGRAM_CLOEXEC, SIOCSIFFLAGS, IFF_UP] = [2, 0o2000002, 0x8914, 1];
  const control = socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  try {
    const ifreq = memory(40);
    ifreq.write('lo');
    ifreq.writeInt16LE(IFF_UP, 16);
    ioctl(control, SIOCSIFFLAGS, ifreq);
  } finally {
    closeSync(control);
  }
}

function bind(namespace: string, path: string): string {
  closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o444));
  const MS_BIND = 4096;
  try {
    mount(namespace, path, null, MS_BIND, null);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return path;
}
