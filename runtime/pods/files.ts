import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Roots } from '../containers/folders.ts';
import { makeClosedFolder } from '../linux/closed-folder.ts';
import { MountFlag, mount, unmount } from '../linux/mounts.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import { setXattr } from '../linux/xattrs.ts';
import { hostsFile } from '../oci/hosts.ts';
import type { PodFiles } from '../oci/input.ts';
import { resolvConf } from '../oci/resolv.ts';
import { requestedMappings } from '../oci/user-namespace.ts';
import { NamespaceMode, type PodSandboxConfig } from '../spec/cri/api_pb.js';
import { type PodFolders, podFolders } from './folders.ts';
import { usesHostNetwork } from './record.ts';

export interface PodFilesWish {
  readonly shmBytes: number;
  /** SELinux label of what the pod's containers share; undefined: none is set. */
  readonly label: string | undefined;
}

/**
 * Writes the files that all containers of the pod share, but for /etc/hosts, and mounts their /dev/shm. Synchronous: it
 * all goes to the tmpfs under /run, where a trip through the thread pool takes longer than the work.
 */
export const makePodFiles = (
  roots: Roots,
  id: string,
  config: PodSandboxConfig,
  { shmBytes, label }: PodFilesWish,
): void => {
  const folders = podFolders(roots, id);
  makeClosedFolder(folders.files, requestedMappings(config)?.gids.hostID);
  const owner = ownerOf(config);
  const resolv = resolvConf(config.dnsConfig, readIfPresent('/etc/resolv.conf'));
  writeShared(folders.resolvConf, resolv, { ...owner, label });
  writeShared(folders.hostname, `${podHostname(config)}\n`, { ...owner, label });
  if (ownIpc(config)) mountShm(folders, { ...owner, bytes: shmBytes, label });
};

/** /etc/hosts, which has the addresses that the network gave the pod. */
export const writeHosts = (
  roots: Roots,
  id: string,
  config: PodSandboxConfig,
  { ips, label }: Pick<PodFilesWish, 'label'> & { readonly ips: readonly string[] },
): void => writeShared(podFolders(roots, id).hosts, hostsText(config, ips), { ...ownerOf(config), label });

interface SharedFile {
  readonly uid: number;
  readonly gid: number;
  readonly label: string | undefined;
}

const writeShared = (file: string, text: string, { uid, gid, label }: SharedFile): void => {
  writeFileSync(file, text);
  chownSync(file, uid, gid);
  if (label !== undefined) setXattr(file, 'security.selinux', Buffer.from(`${label}\0`));
};

/** Root of the pod, as the host numbers it. */
const ownerOf = (config: PodSandboxConfig): { readonly uid: number; readonly gid: number } => {
  const mappings = requestedMappings(config);
  return { uid: mappings?.uids.hostID ?? 0, gid: mappings?.gids.hostID ?? 0 };
};

/** Where those files are, for a container's configuration. */
export const podFilesOf = (roots: Roots, id: string, config: PodSandboxConfig): PodFiles => {
  const { hosts, resolvConf: resolv, hostname: name, shm } = podFolders(roots, id);
  return { hosts, resolvConf: resolv, hostname: name, ...(ownIpc(config) ? { shm } : {}) };
};

/** Idempotent, and needs no record. */
export const removePodFiles = (roots: Roots, id: string): void => {
  const { files, shm } = podFolders(roots, id);
  try {
    unmount(shm, { detach: true });
  } catch (error) {
    if (!hasErrno(error, 'EINVAL', 'ENOENT')) throw error; // nothing is mounted there
  }
  rmSync(files, { recursive: true, force: true });
};

interface ShmOptions extends SharedFile {
  readonly bytes: number;
}

const mountShm = ({ shm }: PodFolders, { uid, gid, bytes, label }: ShmOptions): void => {
  mkdirSync(shm);
  const flags = MountFlag.nosuid | MountFlag.nodev | MountFlag.noexec;
  const context = label === undefined ? '' : `,context="${label}"`;
  const data = `mode=1777,size=${bytes},uid=${uid},gid=${gid}${context}`;
  mount({ source: 'shm', target: shm, type: 'tmpfs', flags, data });
};

const hostsText = (config: PodSandboxConfig, ips: readonly string[]): string =>
  usesHostNetwork(config) ? readIfPresent('/etc/hosts') : hostsFile(podHostname(config), ips);

const podHostname = (config: PodSandboxConfig): string =>
  usesHostNetwork(config) || config.hostname === '' ? hostname() : config.hostname;

const ownIpc = (config: PodSandboxConfig): boolean =>
  config.linux?.securityContext?.namespaceOptions?.ipc !== NamespaceMode.NODE;

const readIfPresent = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
};
