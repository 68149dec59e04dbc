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
import { basename, dirname, join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { hasErrno } from '../../../linux/system-call-failed.ts';

/** A container's log file, open for appending at the path that the kubelet named. */
export class LogFile {
  readonly fd: number;
  readonly inode: number;
  #size: number;

  /**
   * Throws what open(2) says; a symbolic link at the path is refused (ELOOP), whoever put it there. `anew`: an empty
   * file takes the place of the one at the path, which readers that have it open may read to its end.
   */
  constructor(path: string, anew = false) {
    this.fd = anew ? replaceLog(path) : openLog(path);
    const stat = fstatSync(this.fd);
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

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;

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
