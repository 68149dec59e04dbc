import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A container's log file, open for appending at the path that the kubelet named. */
export class LogFile {
  readonly fd: number;
  readonly inode: number;
  #size: number;

  /** Throws what open(2) says; a symbolic link at the path is refused (ELOOP). */
  constructor(path: string) {
    this.fd = openLog(path);
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

const openLog = (path: string): number =>
  openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o640);

/** The log beside `path` that has this inode: rotation renames `0.log` to `0.log.20260131-120000`. */
export function findRotated(path: string, inode: number): string | undefined {
  const folder = dirname(path);
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${basename(path)}.`))
    .map((name) => join(folder, name))
    .find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.ino === inode);
}
