import { closeSync, writeSync } from 'node:fs';
import { AGAIN, readNow } from './fds.ts';
import { addressOf, memory, systemCall } from './ffi.ts';
import { watch } from './poll.ts';
import { decodeWaitStatus, type WaitStatus } from './processes.ts';
import { hasErrno } from './system-call-failed.ts';

const socketCall = systemCall('socket', ['int', 'int', 'int']);
const bindCall = systemCall('bind', ['int', 'void *', 'uint']);
const setsockopt = systemCall('setsockopt', ['int', 'int', 'int', 'void *', 'uint']);

/** How processes of this machine end, whoever their parent is. */
export interface ExitEvents {
  /** Remembers the end of this process from now on. */
  follow(pid: number): void;
  /** How it ended; undefined while it has not, and when the kernel did not say. */
  endOf(pid: number): WaitStatus | undefined;
  /** The number of processes that are still followed. */
  forget(pid: number): number;
  close(): void;
}

/** linux/cn_proc.h: offsets from the start of a message of nlmsghdr (16), cn_msg (20) and proc_event. */
const PROC_EVENT_EXIT = 0x80000000;
const [AT_WHAT, AT_PROCESS, AT_STATUS, EVENT_BYTES] = [36, 56, 60, 68];

/**
 * The kernel's process connector (netlink): the one that tells the end of somebody else's child to whoever asks, on
 * kernels before 6.15. Undefined where we may not listen. In a pid or network namespace of its own it says nothing.
 * Ends that went by faster than they were read are lost.
 */
export function listenForExits(): ExitEvents | undefined {
  const socket = openConnector();
  if (socket === undefined) return undefined;
  const ends = new Map<number, WaitStatus | undefined>();
  const buffer = Buffer.alloc(4096);
  const drain = (): void => {
    for (;;) {
      try {
        const got = readNow(socket, buffer);
        if (got === AGAIN || got === 0) return;
        note(buffer.subarray(0, got));
      } catch (error) {
        // Some were lost; the next ones are there.
        if (!hasErrno(error, 'ENOBUFS')) throw error;
      }
    }
  };
  // A thread's end has the code of its process once all are told to end; so the last one counts.
  const note = (message: Buffer): void => {
    if (message.length < EVENT_BYTES || message.readUInt32LE(AT_WHAT) !== PROC_EVENT_EXIT) return;
    const pid = message.readInt32LE(AT_PROCESS);
    if (ends.has(pid)) ends.set(pid, decodeWaitStatus(message.readInt32LE(AT_STATUS)));
  };
  const watched = watch(socket, 'readable', drain);
  return {
    follow: (pid) => void ends.set(pid, undefined),
    endOf: (pid) => {
      drain();
      return ends.get(pid);
    },
    forget: (pid) => {
      ends.delete(pid);
      return ends.size;
    },
    close: () => {
      watched.close();
      closeSync(socket);
    },
  };
}

const [AF_NETLINK, NETLINK_CONNECTOR, CN_IDX_PROC] = [16, 11, 1];

function openConnector(): number | undefined {
  const SOCK_DGRAM_NONBLOCK_CLOEXEC = 0o2004002;
  let socket: number | undefined;
  try {
    socket = socketCall(AF_NETLINK, SOCK_DGRAM_NONBLOCK_CLOEXEC, NETLINK_CONNECTOR);
    takeExitsAlone(socket);
    const address = memory(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(CN_IDX_PROC, 8);
    bindCall(socket, address, address.length);
    writeSync(socket, listenMessage());
    return socket;
  } catch (error) {
    if (socket !== undefined) closeSync(socket);
    if (hasErrno(error, 'EPERM', 'EACCES', 'EPROTONOSUPPORT', 'EAFNOSUPPORT', 'ECONNREFUSED'))
      return undefined;
    throw error;
  }
}

/** nlmsghdr, cn_msg for CN_IDX_PROC/CN_VAL_PROC, and the order PROC_CN_MCAST_LISTEN. */
function listenMessage(): Buffer {
  const [NLMSG_DONE, CN_VAL_PROC, PROC_CN_MCAST_LISTEN] = [3, 1, 1];
  const message = Buffer.alloc(40);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(NLMSG_DONE, 4);
  message.writeUInt32LE(CN_IDX_PROC, 16);
  message.writeUInt32LE(CN_VAL_PROC, 20);
  message.writeUInt16LE(4, 32);
  message.writeUInt32LE(PROC_CN_MCAST_LISTEN, 36);
  return message;
}

/** A classic BPF program: forks, execs and all else do not wake this process. Its loads are big-endian. */
function takeExitsAlone(socket: number): void {
  const [SOL_SOCKET, SO_ATTACH_FILTER] = [1, 26];
  const LOAD_WORD_AT = 0x20;
  const [JUMP_IF_EQUAL, RETURN] = [0x15, 0x06];
  const instructions = [
    [LOAD_WORD_AT, 0, 0, AT_WHAT],
    [JUMP_IF_EQUAL, 0, 1, Buffer.from([0, 0, 0, 0x80]).readUInt32BE()],
    [RETURN, 0, 0, 0xffffffff],
    [RETURN, 0, 0, 0],
  ] as const;
  const program = memory(instructions.length * 8);
  for (const [index, [code, ifTrue, ifFalse, operand]] of instructions.entries()) {
    program.writeUInt16LE(code, index * 8);
    program.writeUInt8(ifTrue, index * 8 + 2);
    program.writeUInt8(ifFalse, index * 8 + 3);
    program.writeUInt32LE(operand, index * 8 + 4);
  }
  const description = memory(16);
  description.writeUInt16LE(instructions.length, 0);
  description.writeBigUInt64LE(addressOf(program), 8);
  setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, description, description.length);
  // The program must not be collected before the call has read it.
  program.fill(0);
}
