import { closeSync, constants, openSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import { setXattr } from '../linux/xattrs.ts';

/** Folders of the host whose labels are its own: with a container's, nobody could log in any more. */
const NEVER: ReadonlySet<string> = new Set(
  '/ /bin /boot /dev /etc /etc/passwd /etc/pki /etc/shadow /home /lib /lib64 /media /opt /proc /root /run /sbin /srv /sys /tmp /usr /var /var/lib /var/log'.split(
    ' ',
  ),
);

/**
 * Gives a volume, and everything in it, the SELinux label of the container that is to use it. Links are labelled
 * themselves and never followed, also when somebody puts one in a folder's place meanwhile.
 * Fails `InvalidArgument` for the host's own folders; a file system without labels of its own, such as NFS, keeps its one.
 */
export const relabel = async (path: string, label: string): Promise<void> => {
  if (NEVER.has(path))
    throw new Fail('InvalidArgument', `selinux_relabel: ${path} belongs to the host and keeps its labels`);
  const value = Buffer.from(`${label}\0`);
  if (labelled(path, value)) await inFolder(path, (fd) => relabelEntries(fd, value));
};

const relabelEntries = async (folder: number, value: Buffer): Promise<void> => {
  // Names are taken as Latin-1, in which every byte survives the way there and back.
  for await (const entry of await opendir(`/proc/self/fd/${folder}`, { encoding: 'latin1' })) {
    const path = Buffer.from(`/proc/self/fd/${folder}/${entry.name}`, 'latin1');
    labelled(path, value);
    if (entry.isDirectory()) await inFolder(path, (fd) => relabelEntries(fd, value));
  }
};

/** Does nothing for what is no folder, or is not any more. */
const inFolder = async (path: string | Buffer, work: (fd: number) => Promise<void>): Promise<void> => {
  const fd = openFolder(path);
  if (fd === undefined) return;
  try {
    await work(fd);
  } finally {
    closeSync(fd);
  }
};

const openFolder = (path: string | Buffer): number | undefined => {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasErrno(error, 'ENOTDIR', 'ELOOP', 'ENOENT')) return undefined;
    throw error;
  }
};

/** False: there are no labels here. A file that is gone meanwhile needs none. */
const labelled = (path: string | Buffer, value: Buffer): boolean => {
  try {
    setXattr(path, 'security.selinux', value);
    return true;
  } catch (error) {
    if (hasErrno(error, 'EOPNOTSUPP')) return false;
    if (hasErrno(error, 'ENOENT')) return true;
    throw error;
  }
};
