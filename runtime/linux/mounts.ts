import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { cString, memory, numberedCall, systemCall } from './ffi.ts';
import { type MountEntry, parseMountTable } from './mount-table.ts';
import { hasErrno } from './system-call-failed.ts';

/** MS_* of linux/mount.h. */
export const MountFlag = {
  readonly: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  remount: 32,
  bind: 4096,
  move: 8192,
  recursive: 16384,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

const mountCall = systemCall('mount', ['str', 'str', 'str', 'uint64', 'str']);
const umount2 = systemCall('umount2', ['str', 'int']);
const openTree = numberedCall('open_tree', 428);
const moveMount = numberedCall('move_mount', 429);
const fsopen = numberedCall('fsopen', 430);
const fsconfig = numberedCall('fsconfig', 431);
const fsmount = numberedCall('fsmount', 432);
const mountSetattr = numberedCall('mount_setattr', 442);

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const O_CLOEXEC = 0o2000000;

export interface MountRequest {
  readonly source: string | null;
  readonly target: string;
  readonly type: string | null;
  /** Of MountFlag, or'ed. */
  readonly flags?: number;
  /** The file system's own options, comma-separated; at most 4 KiB. */
  readonly data?: string;
}

/** mount(2). */
export function mount({ source, target, type, flags = 0, data }: MountRequest): void {
  mountCall(source, target, type, flags, data ?? null);
}

/** umount2(2). Throws EINVAL when nothing is mounted at `target`. `detach`: now from the tree, later from users. */
export function unmount(target: string, { detach = false }: { detach?: boolean } = {}): void {
  const [MNT_DETACH, UMOUNT_NOFOLLOW] = [2, 8];
  umount2(target, UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0));
}

export interface OverlayRequest {
  /** Top first. */
  readonly lower: readonly string[];
  /** Absent together with `work`: a read-only overlay. */
  readonly upper?: string;
  readonly work?: string;
  readonly target: string;
  /** More options of overlayfs, e.g. `volatile`, `metacopy=off`. */
  readonly options?: readonly string[];
}

/** mount(2) copies one page of options. */
const OPTIONS_LIMIT = 4095;

/**
 * Mounts an overlay of any number of layers. Where the options fit, by mount(2); where they do not, by
 * fsconfig(2) with one `lowerdir+` per layer (from Linux 6.5), and before that through `/proc/self/fd` names,
 * which are short whatever the layers' paths are.
 */
export function mountOverlay(request: OverlayRequest): void {
  const plain = overlayOptions(request, request.lower.map(escapeLayer));
  if (Buffer.byteLength(plain) <= OPTIONS_LIMIT) {
    mount({ source: 'overlay', target: request.target, type: 'overlay', data: plain });
    return;
  }
  try {
    mountOverlayStepwise(request);
  } catch (error) {
    if (!hasErrno(error, 'EINVAL', 'ENOSYS')) throw error;
    mountOverlayThroughFds(request);
  }
}

function overlayOptions({ upper, work, options = [] }: OverlayRequest, lower: readonly string[]): string {
  const writable =
    upper === undefined || work === undefined
      ? []
      : [`upperdir=${escapeOption(upper)}`, `workdir=${escapeOption(work)}`];
  return [`lowerdir=${lower.join(':')}`, ...writable, ...options].join(',');
}

/** overlayfs: `\` and `,` end an option, `:` ends a layer. */
const escapeOption = (path: string): string => path.replace(/[\\,]/g, '\\$&');
const escapeLayer = (path: string): string => path.replace(/[\\,:]/g, '\\$&');

function mountOverlayStepwise({ lower, upper, work, target, options = [] }: OverlayRequest): void {
  const FSOPEN_CLOEXEC = 1;
  const context = fsopen(cString('overlay'), FSOPEN_CLOEXEC);
  try {
    for (const layer of lower) setOption(context, 'lowerdir+', layer);
    if (upper !== undefined) setOption(context, 'upperdir', upper);
    if (work !== undefined) setOption(context, 'workdir', work);
    for (const option of options) {
      const [key = '', value] = option.split(/=(.*)/s);
      // Quotes keep the commas of a value apart from those of the list; here there is no list.
      setOption(context, key, value?.replace(/^"(.*)"$/, '$1'));
    }
    setOption(context, 'source', 'overlay');
    const FSCONFIG_CMD_CREATE = 6;
    fsconfig(context, FSCONFIG_CMD_CREATE, 0n, 0n, 0);
    attach(fsmount(context, FSOPEN_CLOEXEC, 0), target);
  } finally {
    closeSync(context);
  }
}

function setOption(context: number, key: string, value: string | undefined): void {
  const [FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING] = [0, 1];
  const name = cString(key);
  if (value === undefined) {
    fsconfig(context, FSCONFIG_SET_FLAG, name, 0n, 0);
    return;
  }
  const text = cString(value);
  fsconfig(context, FSCONFIG_SET_STRING, name, text, 0);
}

function mountOverlayThroughFds(request: OverlayRequest): void {
  const layers: number[] = [];
  try {
    for (const layer of request.lower) layers.push(openSync(layer, PATH_ONLY));
    const names = layers.map((fd) => `/proc/self/fd/${fd}`);
    mount({
      source: 'overlay',
      target: request.target,
      type: 'overlay',
      data: overlayOptions(request, names),
    });
  } finally {
    for (const fd of layers) closeSync(fd);
  }
}

const PATH_ONLY = 0o10000000;

/** move_mount(2) of a detached mount to `target`; the descriptor is closed. */
function attach(detached: number, target: string): void {
  const MOVE_MOUNT_F_EMPTY_PATH = 4;
  const empty = cString('');
  const to = cString(target);
  try {
    moveMount(detached, empty, AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH);
  } finally {
    closeSync(detached);
  }
}

export interface BindOptions {
  /** With everything mounted below it; default: true. */
  readonly recursive?: boolean;
  /** As far down as `recursive` goes. */
  readonly readonly?: boolean;
  /**
   * Path of a user namespace whose mappings turn the ids of the source itself, not of mounts below it, into those
   * of the bound one: mount_setattr(2), "ID-mapped mounts", Linux 5.12. EINVAL: its file system has no such mounts.
   */
  readonly idsOf?: string;
}

/** Binds `source` over `target`. Links are followed, `/proc/self/fd/N` too. */
export function bindMount(
  source: string,
  target: string,
  { recursive = true, readonly = false, idsOf }: BindOptions = {},
): void {
  const OPEN_TREE_CLONE = 1;
  const from = cString(source);
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  const tree = openTree(AT_FDCWD, from, flags);
  try {
    if (idsOf !== undefined) mapIds(tree, idsOf);
    if (readonly) setReadonly(tree, '', recursive);
  } catch (error) {
    closeSync(tree);
    throw error;
  }
  attach(tree, target);
}

/** Makes the mount at `target` and all mounts below it read-only: mount_setattr(2), Linux 5.12. */
export function makeReadonlyRecursive(target: string): void {
  setReadonly(AT_FDCWD, target, true);
}

const MOUNT_ATTR_RDONLY = 1n;
const MOUNT_ATTR_IDMAP = 0x100000n;

function setReadonly(dirFd: number, path: string, recursive: boolean): void {
  setAttributes(dirFd, path, { set: MOUNT_ATTR_RDONLY, recursive });
}

function mapIds(tree: number, namespace: string): void {
  const userNamespace = openSync(namespace, constants.O_RDONLY);
  try {
    setAttributes(tree, '', { set: MOUNT_ATTR_IDMAP, recursive: false, userNamespace });
  } finally {
    closeSync(userNamespace);
  }
}

interface Attributes {
  readonly set: bigint;
  readonly recursive: boolean;
  readonly userNamespace?: number;
}

function setAttributes(dirFd: number, path: string, { set, recursive, userNamespace = 0 }: Attributes): void {
  // struct mount_attr: set, clear, propagation, user namespace.
  const attributes = memory(32);
  attributes.writeBigUInt64LE(set, 0);
  attributes.writeBigUInt64LE(BigInt(userNamespace), 24);
  const name = cString(path);
  const flags = (path === '' ? AT_EMPTY_PATH : 0) | (recursive ? AT_RECURSIVE : 0);
  mountSetattr(dirFd, name, flags, attributes, attributes.length);
}

export type Propagation = 'private' | 'slave' | 'shared' | 'unbindable';

/** Sets how mounts below `target` travel between mount namespaces (mount_namespaces(7)). */
export function setPropagation(target: string, propagation: Propagation, { recursive = true } = {}): void {
  const flags = MountFlag[propagation] | (recursive ? MountFlag.recursive : 0);
  mount({ source: null, target, type: null, flags });
}

/**
 * True when something is mounted exactly at `path`: its mount differs from its parent folder's. Reads two small
 * files whatever the size of the mount table. A missing path is no mount point.
 */
export function isMountPoint(path: string): boolean {
  try {
    return mountIdOf(path) !== mountIdOf(dirname(path));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

function mountIdOf(path: string): string {
  const fd = openSync(path, PATH_ONLY | constants.O_NOFOLLOW);
  try {
    return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  } finally {
    closeSync(fd);
  }
}

/** The mounts of this process's mount namespace, in the order they were made. */
export function mountTable(): readonly MountEntry[] {
  return parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'));
}
