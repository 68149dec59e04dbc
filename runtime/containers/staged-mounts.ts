import { closeSync, fstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import { openInRoot } from '../linux/in-root.ts';
import { bindMount, mountOverlay } from '../linux/mounts.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import type { Sources } from '../oci/input.ts';
import { isMapping, type PodUsers } from '../oci/user-namespace.ts';
import type { Mount } from '../spec/cri/api_pb.js';
import type { ContainerFolders } from './folders.ts';
import { detachAll, type Layers, withLayers, withoutIdMaps } from './layers.ts';

/*
 * Mounts that we make for the OCI runtime: images as volumes, and volumes whose ids are mapped, which runc can from
 * version 1.2 on and others cannot. They are in `staged` while the runtime creates the container, whose mount
 * namespace has its own copies from then on: a volume must not be busy for longer than its container.
 */

/** An image that a container sees as a folder. */
export interface ImageVolume extends Layers {
  readonly containerPath: string;
  /** From inside the image's root; empty: all of it. */
  readonly subPath: string;
}

/**
 * Mounts an image read-only, or a part of it, and gives its place. Links in the sub path stay inside the image.
 * Fails `NotFound`, in the kubelet's words for it, for a part that the image has not.
 */
export const stageImage = (folders: ContainerFolders, index: number, volume: ImageVolume): string => {
  const whole = join(folders.staged, `${index}-image`);
  mkdirSync(whole, { recursive: true, mode: 0o700 });
  withLayers(volume, join(folders.staged, 'layers'), (lower) => mountReadonly(lower, whole));
  if (volume.subPath === '') return whole;
  const part = join(folders.staged, `${index}-part`);
  const fd = openPart(whole, volume);
  try {
    makePlace(part, fstatSync(fd).isDirectory());
    bindMount(`/proc/self/fd/${fd}`, part, { recursive: false });
  } finally {
    closeSync(fd);
  }
  return part;
};

/** The kernel makes no overlay of one layer. */
const mountReadonly = (lower: readonly string[], target: string): void => {
  const [only, ...others] = lower;
  if (only !== undefined && others.length === 0)
    bindMount(only, target, { recursive: false, readonly: true });
  else mountOverlay({ lower, target });
};

const PATH_ONLY = 0o10000000;

const openPart = (root: string, { containerPath, subPath }: ImageVolume): number => {
  const refused = (why: string, cause?: unknown): Fail =>
    new Fail('NotFound', `ImageVolumeMountFailed: mount ${containerPath}: image_sub_path ${subPath} ${why}`, {
      cause,
    });
  let fd: number;
  try {
    fd = openInRoot(root, subPath, PATH_ONLY);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw refused('is not in the image', error);
    throw error;
  }
  const stat = fstatSync(fd);
  if (stat.isDirectory() || stat.isFile()) return fd;
  closeSync(fd);
  throw refused('is neither a folder nor a file');
};

/**
 * Stages the volumes that ask for the ids of the pod's users, and gives the sources with their places.
 * Fails `InvalidArgument` for other mappings than the pod's: a volume is for the pod's users.
 */
export const stageMapped = (
  folders: ContainerFolders,
  mounts: readonly Mount[],
  sources: Sources['mounts'],
  users: PodUsers | undefined,
): Sources['mounts'] =>
  sources.map((each, index) => {
    const mount = mounts[index];
    if (mount === undefined || mount.image !== undefined || !asksForIds(mount)) return each;
    const { namespace } = requireOwnIds(mount, users);
    const place = join(folders.staged, `${index}-volume`);
    mkdirSync(folders.staged, { recursive: true, mode: 0o700 });
    makePlace(place, each.folder);
    try {
      bindMount(each.source, place, { idsOf: namespace });
    } catch (cause) {
      throw withoutIdMaps(each.source, cause);
    }
    return { ...each, source: place };
  });

const asksForIds = ({ uidMappings, gidMappings }: Mount): boolean =>
  uidMappings.length + gidMappings.length > 0;

const requireOwnIds = (
  { containerPath, uidMappings, gidMappings }: Mount,
  users: PodUsers | undefined,
): PodUsers => {
  const where = `mount ${containerPath}: uidMappings and gidMappings`;
  if (users === undefined) throw new Fail('InvalidArgument', `${where} need a pod with a user namespace`);
  const { uids, gids } = users.mappings;
  if (isMapping(uidMappings, uids) && isMapping(gidMappings, gids)) return users;
  throw new Fail('InvalidArgument', `${where} are not those of the pod's user namespace`);
};

const makePlace = (path: string, folder: boolean): void => {
  if (folder) mkdirSync(path, { mode: 0o700 });
  else writeFileSync(path, '', { mode: 0o600, flag: 'wx' });
};

/**
 * Takes the staged mounts away. Idempotent. Never by removing a tree: what is mounted there is the users' own, and a
 * place that cannot be unmounted stays.
 */
export const removeStaged = ({ staged }: Pick<ContainerFolders, 'staged'>): void => {
  const places = namesIn(staged).map((name) => join(staged, name));
  // All mounts go before any place: a volume that has this very folder below it shows each mount a second time.
  for (const place of places) detachAll(place);
  for (const place of places) removePlace(place);
  try {
    rmdirSync(staged);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
};

const removePlace = (place: string): void => {
  try {
    rmdirSync(place);
  } catch (error) {
    if (!hasErrno(error, 'ENOTDIR')) throw error;
    unlinkSync(place);
  }
};

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
};
