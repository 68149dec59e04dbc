import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { openFolderBelow } from '../../../linux/in-root.ts';
import { hasErrno } from '../../../linux/system-call-failed.ts';

/** Where a log is. */
export interface LogPlace {
  readonly path: string;
  /** The pod's log folder: from there on no link is followed, since a pod may have its logs mounted. */
  readonly root?: string | undefined;
}

/** A container's log file, open for appending at the path that the kubelet named. */
export class LogFile {
  readonly fd: number;
  readonly inode: number;
  #size: number;

  /**
   * Throws what open(2) says; a symbolic link at the path is refused (ELOOP), whoever put it there, and so is what is
   * no file: to write to a FIFO that nobody reads would hold up all containers. `anew`: an empty file takes the place
   * of the one at the path, which readers that have it open may read to its end.
   */
  constructor(place: LogPlace, anew = false) {
    this.fd = inItsFolder(place, anew ? replaceLog : openLog);
    const stat = fstatSync(this.fd);
    if (!stat.isFile()) {
      this.close();
      throw new Fail('FailedPrecondition', 'cannot open the log at log_path: it is no file');
    }
    this.inode = stat.ino;
    this.#size = stat.size;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends all of it or nothing: what a full disk cut short is taken back before the error goes on. */
  append(bytes: Buffer): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at, bytes.length - at);
      this.#size += bytes.length;
    } catch (error) {
      this.#takeBack();
      throw error;
    }
  }

  /** Somebody else may have truncated the file meanwhile; it never grows here. */
  #takeBack(): void {
    const { size } = fstatSync(this.fd);
    if (size > this.#size) ftruncateSync(this.fd, this.#size);
    else this.#size = size;
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** O_NONBLOCK changes nothing for a file, and keeps what is none from holding up the open. */
const FLAGS =
  constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** By a path through the folder's own descriptor: what is changed on the way meanwhile changes nothing. */
const inItsFolder = <T>({ path, root }: LogPlace, work: (path: string) => T): T => {
  if (root === undefined) return work(path);
  const folder = folderOf(path, root);
  try {
    return work(join(`/proc/self/fd/${folder}`, basename(path)));
  } finally {
    closeSync(folder);
  }
};

const folderOf = (path: string, root: string): number => {
  try {
    return openFolderBelow(root, relative(root, dirname(path)) || '.');
  } catch (cause) {
    throw new Fail('FailedPrecondition', `cannot open the folder of log_path ${path}: ${String(cause)}`, {
      cause,
    });
  }
};

const openLog = (path: string): number => {
  try {
    return openSync(path, FLAGS, 0o640);
  } catch (cause) {
    const code = hasErrno(cause, 'ENOSPC', 'EDQUOT') ? 'ResourceExhausted' : 'FailedPrecondition';
    throw new Fail(code, `cannot open the log at log_path: ${String(cause)}`, { cause });
  }
};

const replaceLog = (path: string): number => {
  const beside = `${path}.new`;
  rmSync(beside, { force: true });
  const fd = openSync(beside, FLAGS | constants.O_EXCL, 0o640);
  try {
    renameSync(beside, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};

/** The log beside `path` that has this inode: rotation renames `0.log` to `0.log.20260131-120000`. */
export function findRotated(path: string, inode: number): string | undefined {
  const folder = dirname(path);
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${basename(path)}.`))
    .map((name) => join(folder, name))
    .find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.ino === inode);
}
