import { closeSync } from 'node:fs';
import { addressOf, lastErrno, memory, rawCall, systemCall } from './ffi.ts';
import { hasErrno, SystemCallFailed } from './system-call-failed.ts';

const socketpairCall = systemCall('socketpair', ['int', 'int', 'int', 'void *']);
const socketCall = systemCall('socket', ['int', 'int', 'int']);
const bindCall = systemCall('bind', ['int', 'void *', 'uint']);
const connectCall = systemCall('connect', ['int', 'void *', 'uint']);
const listenCall = systemCall('listen', ['int', 'int']);
const accept4 = rawCall('accept4', ['int', 'void *', 'void *', 'int']);
const setsockopt = systemCall('setsockopt', ['int', 'int', 'int', 'void *', 'uint']);
const sendmsg = systemCall('sendmsg', ['int', 'void *', 'int'], 'long');
const recvmsg = rawCall('recvmsg', ['int', 'void *', 'int'], 'long');

const AF_UNIX = 1;
const [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET] = [1, 2, 5];
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const [SOL_SOCKET, SCM_RIGHTS] = [1, 1];

/** Two connected sockets that keep message borders. Closed on exec. */
export function socketPair(): readonly [number, number] {
  const fds = memory(8);
  socketpairCall(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/** Room for `bytes` of messages that nobody has read yet, beyond the system's limit: SO_SNDBUFFORCE. */
export function setSendBuffer(socket: number, bytes: number): void {
  const SO_SNDBUFFORCE = 32;
  setOption(socket, SO_SNDBUFFORCE, bytes);
}

/** The next MSG_PEEK starts `bytes` into the queue, and each one moves this on: SO_PEEK_OFF (socket(7)). */
export function setPeekOffset(socket: number, bytes: number): void {
  const SO_PEEK_OFF = 42;
  setOption(socket, SO_PEEK_OFF, bytes);
}

function setOption(socket: number, option: number, value: number): void {
  const text = memory(4);
  text.writeInt32LE(value);
  setsockopt(socket, SOL_SOCKET, option, text, 4);
}

/** A listening stream socket at `path`, for a peer that passes descriptors (a runtime's console socket). */
export function listenUnix(path: string): number {
  const socket = socketCall(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  try {
    const address = unixAddress(path);
    bindCall(socket, address, address.length);
    listenCall(socket, 1);
    return socket;
  } catch (error) {
    closeSync(socket);
    throw error;
  }
}

/** A stream socket connected to the one at `path`. Closed on exec. Throws what connect(2) says. */
export function connectUnix(path: string): number {
  const socket = socketCall(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  try {
    const address = unixAddress(path);
    connectCall(socket, address, address.length);
    return socket;
  } catch (error) {
    closeSync(socket);
    throw error;
  }
}

/** A waiting connection, or undefined when there is none. */
export function acceptUnix(listener: number): number | undefined {
  const connection = accept4(listener, null, null, SOCK_CLOEXEC);
  if (connection >= 0) return connection;
  const failed = new SystemCallFailed('accept4', lastErrno(), String(listener));
  if (hasErrno(failed, 'EAGAIN', 'ECONNABORTED', 'EINTR')) return undefined;
  throw failed;
}

/** sockaddr_un; a path that begins with `@` is in the abstract name space. At most 107 bytes. */
function unixAddress(path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.length > 107)
    throw new RangeError(`socket path of ${bytes.length} bytes is longer than 107: ${path}`);
  const abstract = path.startsWith('@');
  const address = memory(2 + bytes.length + (abstract ? 0 : 1));
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, 2);
  if (abstract) address[2] = 0;
  return address;
}

export interface FdMessage {
  readonly data: Buffer;
  /** Closed on exec; the receiver closes them. */
  readonly fds: readonly number[];
}

/** Sends one message with descriptors (SCM_RIGHTS, unix(7)). The sender's copies stay open. */
export function sendFds(socket: number, data: Buffer, fds: readonly number[]): void {
  const message = outgoing(data, fds, null);
  const MSG_DONTWAIT_NOSIGNAL = 0x4040;
  sendmsg(socket, message.header, MSG_DONTWAIT_NOSIGNAL);
  message.release();
}

/** Sends a datagram with descriptors to a socket by path, e.g. systemd's NOTIFY_SOCKET. */
export function sendFdsTo(path: string, data: Buffer, fds: readonly number[]): void {
  const socket = socketCall(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    const message = outgoing(data, fds, unixAddress(path));
    const MSG_NOSIGNAL = 0x4000;
    sendmsg(socket, message.header, MSG_NOSIGNAL);
    message.release();
  } finally {
    closeSync(socket);
  }
}

/** A cmsghdr of 16 bytes, then the numbers. */
const CONTROL_HEADER = 16;

function outgoing(data: Buffer, fds: readonly number[], address: Buffer | null) {
  const payload = memory(Math.max(1, data.length));
  data.copy(payload);
  const control = memory(fds.length === 0 ? 0 : CONTROL_HEADER + fds.length * 4 + (fds.length % 2) * 4);
  if (fds.length > 0) {
    control.writeBigUInt64LE(BigInt(CONTROL_HEADER + fds.length * 4), 0);
    control.writeInt32LE(SOL_SOCKET, 8);
    control.writeInt32LE(SCM_RIGHTS, 12);
    for (const [index, fd] of fds.entries()) control.writeInt32LE(fd, CONTROL_HEADER + index * 4);
  }
  return messageHeader(payload, data.length, control, address);
}

/**
 * Receives one message with its descriptors; undefined when none is there now or the peer has gone.
 * `peek` leaves it in the queue and gives copies of its descriptors.
 */
export function receiveFds(socket: number, { peek = false } = {}): FdMessage | undefined {
  const [MSG_PEEK, MSG_DONTWAIT, MSG_CMSG_CLOEXEC] = [0x2, 0x40, 0x40000000];
  const payload = memory(4096);
  const control = memory(CONTROL_HEADER + 253 * 4 + 4);
  const message = messageHeader(payload, payload.length, control, null);
  const got = recvmsg(socket, message.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | (peek ? MSG_PEEK : 0));
  if (got === -1) {
    const failed = new SystemCallFailed('recvmsg', lastErrno(), String(socket));
    if (hasErrno(failed, 'EAGAIN', 'EINTR', 'ECONNRESET')) return undefined;
    throw failed;
  }
  const fds = receivedFds(control.subarray(0, Number(message.header.readBigUInt64LE(40))));
  message.release();
  return got === 0 && fds.length === 0 ? undefined : { data: Buffer.from(payload.subarray(0, got)), fds };
}

function receivedFds(control: Buffer): readonly number[] {
  if (control.length < CONTROL_HEADER) return [];
  const bytes = Number(control.readBigUInt64LE(0)) - CONTROL_HEADER;
  if (control.readInt32LE(8) !== SOL_SOCKET || control.readInt32LE(12) !== SCM_RIGHTS) return [];
  return Array.from({ length: bytes / 4 }, (_, index) => control.readInt32LE(CONTROL_HEADER + index * 4));
}

/** struct msghdr with one iovec. `release` is called after the system call: it keeps the parts alive until then. */
function messageHeader(payload: Buffer, length: number, control: Buffer, address: Buffer | null) {
  const iovec = memory(16);
  iovec.writeBigUInt64LE(addressOf(payload), 0);
  iovec.writeBigUInt64LE(BigInt(length), 8);
  const header = memory(56);
  if (address !== null) {
    header.writeBigUInt64LE(addressOf(address), 0);
    header.writeUInt32LE(address.length, 8);
  }
  header.writeBigUInt64LE(addressOf(iovec), 16);
  header.writeBigUInt64LE(1n, 24);
  if (control.length > 0) header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  const parts = [payload, iovec, control, address];
  return { header, release: () => parts.splice(0) };
}
