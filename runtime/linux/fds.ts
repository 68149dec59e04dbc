import { constants } from 'node:fs';
import { lastErrno, memory, rawCall, systemCall } from './ffi.ts';
import { hasErrno, SystemCallFailed } from './system-call-failed.ts';

const pipe2 = systemCall('pipe2', ['void *', 'int']);
const spliceCall = rawCall('splice', ['int', 'void *', 'int', 'void *', 'size_t', 'uint'], 'long');
const readCall = rawCall('read', ['int', 'void *', 'size_t'], 'long');
const writeCall = rawCall('write', ['int', 'void *', 'size_t'], 'long');
const ioctl = systemCall('ioctl', ['int', 'uint64', 'void *']);
const fallocate = systemCall('fallocate', ['int', 'int', 'int64', 'int64']);
const fcntl = systemCall('fcntl', ['int', 'int', 'int64']);

export const O_CLOEXEC = 0o2000000;

export interface Pipe {
  readonly read: number;
  readonly write: number;
}

/** An anonymous pipe, closed on exec. Both ends block; see `setNonBlocking`. */
export function makePipe(): Pipe {
  const fds = memory(8);
  pipe2(fds, O_CLOEXEC);
  return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
}

/** Makes reads and writes through this descriptor's file description answer EAGAIN instead of waiting. */
export function setNonBlocking(fd: number): void {
  const [F_GETFL, F_SETFL] = [3, 4];
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | constants.O_NONBLOCK);
}

/** A program started later does not get this descriptor. */
export function setCloseOnExec(fd: number): void {
  const [F_SETFD, FD_CLOEXEC] = [2, 1];
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/** Another descriptor of the same open file, closed on exec. */
export function duplicate(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/** Nothing to do now; ask again when the descriptor is ready. */
export const AGAIN = 'again';

/**
 * Reads what is there: the number of bytes, 0 at the end, or AGAIN. A pty master whose last slave closed
 * answers EIO, which is its end.
 */
export function readNow(fd: number, into: Buffer): number | typeof AGAIN {
  const got = readCall(fd, into, into.length);
  if (got >= 0) return got;
  return endOrAgain('read', fd);
}

/** Writes what fits now: the number of bytes, or AGAIN. Throws EPIPE when nobody can ever read it. */
export function writeNow(fd: number, from: Buffer): number | typeof AGAIN {
  const put = writeCall(fd, from, from.length);
  if (put >= 0) return put;
  return againOnly('write', fd);
}

/** SPLICE_F_MOVE | SPLICE_F_NONBLOCK. */
const SPLICE_FLAGS = 3;
const offsetMemory = memory(8);

/**
 * Moves up to `limit` bytes from a pipe to `offset` of a file inside the kernel: a kill of this process at any
 * moment leaves every byte in exactly one of the two. The number of bytes, 0 at the end, or AGAIN.
 */
export function spliceToFile(
  pipe: number,
  file: number,
  offset: number,
  limit: number,
): number | typeof AGAIN {
  offsetMemory.writeBigInt64LE(BigInt(offset));
  const moved = spliceCall(pipe, null, file, offsetMemory, limit, SPLICE_FLAGS);
  if (moved >= 0) return moved;
  return againOnly('splice', pipe);
}

/** Moves up to `limit` bytes from a pty master to a pipe, as `spliceToFile` does. AGAIN also when the pipe is full. */
export function spliceToPipe(from: number, pipe: number, limit: number): number | typeof AGAIN {
  const moved = spliceCall(from, null, pipe, null, limit, SPLICE_FLAGS);
  if (moved >= 0) return moved;
  return endOrAgain('splice', from);
}

function endOrAgain(call: string, fd: number): 0 | typeof AGAIN {
  const failed = new SystemCallFailed(call, lastErrno(), String(fd));
  if (hasErrno(failed, 'EIO')) return 0;
  return orThrow(failed);
}

const againOnly = (call: string, fd: number): typeof AGAIN =>
  orThrow(new SystemCallFailed(call, lastErrno(), String(fd)));

function orThrow(failed: SystemCallFailed): typeof AGAIN {
  if (hasErrno(failed, 'EAGAIN', 'EINTR')) return AGAIN;
  throw failed;
}

/** Gives the file's pages in [from, to) back, keeping its size and offsets. Both are multiples of 4096. */
export function punchHole(fd: number, from: number, to: number): void {
  const FALLOC_FL_KEEP_SIZE_PUNCH_HOLE = 3;
  fallocate(fd, FALLOC_FL_KEEP_SIZE_PUNCH_HOLE, from, to - from);
}

/** Sets a terminal's size, which sends SIGWINCH to its foreground process group: TIOCSWINSZ. */
export function setTerminalSize(fd: number, size: { readonly width: number; readonly height: number }): void {
  const TIOCSWINSZ = 0x5414;
  const winsize = memory(8);
  winsize.writeUInt16LE(size.height, 0);
  winsize.writeUInt16LE(size.width, 2);
  ioctl(fd, TIOCSWINSZ, winsize);
}

/** The size of a pipe's content now: FIONREAD. */
export function bytesReadable(fd: number): number {
  const FIONREAD = 0x541b;
  const answer = memory(4);
  ioctl(fd, FIONREAD, answer);
  return answer.readInt32LE(0);
}
