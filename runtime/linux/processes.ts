import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { lastErrno, memory, numberedCall, rawCall, systemCall } from './ffi.ts';
import { hasErrno, SystemCallFailed } from './system-call-failed.ts';

const prctl = systemCall('prctl', ['int', 'uint64', 'uint64', 'uint64', 'uint64']);
const wait4 = rawCall('wait4', ['int', 'void *', 'int', 'void *']);
const waitid = rawCall('waitid', ['int', 'uint', 'void *', 'int']);
const ioctl = rawCall('ioctl', ['int', 'uint64', 'void *']);
const pidfdSendSignal = numberedCall('pidfd_send_signal', 424);
const pidfdOpen = numberedCall('pidfd_open', 434);
const pidfdGetfd = numberedCall('pidfd_getfd', 438);

/** From now on, orphans of this process's descendants become its children: prctl(PR_SET_CHILD_SUBREAPER). */
export function becomeSubreaper(): void {
  const PR_SET_CHILD_SUBREAPER = 36;
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/** A descriptor of the process that turns readable when it ends; works for a zombie too. Throws ESRCH. Closed on exec. */
export function openPidfd(pid: number): number {
  return pidfdOpen(pid, 0);
}

/** Sends a signal to that very process. False when it has ended. */
export function signalPidfd(pidfd: number, signal: number): boolean {
  try {
    pidfdSendSignal(pidfd, signal, 0, 0);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ESRCH')) return false;
    throw error;
  }
}

/** A copy of another process's descriptor (needs CAP_SYS_PTRACE over it). Closed on exec. */
export function takeFd(pidfd: number, fdThere: number): number {
  return pidfdGetfd(pidfd, fdThere, 0);
}

/** How a process ended. */
export type WaitStatus =
  | { readonly exitCode: number; readonly signal: undefined }
  | { readonly exitCode: undefined; readonly signal: number };

/** Decodes a wait status (wait(2)). */
export function decodeWaitStatus(status: number): WaitStatus {
  const signal = status & 0x7f;
  return signal === 0
    ? { exitCode: (status >> 8) & 0xff, signal: undefined }
    : { exitCode: undefined, signal };
}

/** The shell's convention: 128 + signal for a process that a signal ended. */
export const exitCodeOf = (status: WaitStatus): number => status.exitCode ?? 128 + status.signal;

/**
 * Reaps this process's child `pid` if it has ended. `running`: not yet; `not-a-child`: another process reaps it,
 * or has. Only ever by pid: waiting for any child would steal the exits of Node's own children.
 */
export function reap(pid: number): WaitStatus | 'running' | 'not-a-child' {
  const WNOHANG = 1;
  const status = memory(4);
  const got = wait4(pid, status, WNOHANG, null);
  if (got === pid) return decodeWaitStatus(status.readInt32LE(0));
  if (got === 0) return 'running';
  const failed = new SystemCallFailed('wait4', lastErrno(), String(pid));
  if (hasErrno(failed, 'ECHILD')) return 'not-a-child';
  throw failed;
}

/**
 * The same of a pidfd's process and without reaping: the zombie stays, so whoever dies between this and `reap` loses
 * nothing. By pidfd, since another child may have the pid of one that somebody else has reaped.
 */
export function peekExit(pidfd: number): WaitStatus | 'running' | 'not-a-child' {
  const [P_PIDFD, WNOHANG_WEXITED_WNOWAIT, CLD_EXITED] = [3, 0x01000005, 1];
  const siginfo = memory(128);
  if (waitid(P_PIDFD, pidfd, siginfo, WNOHANG_WEXITED_WNOWAIT) === -1) {
    const failed = new SystemCallFailed('waitid', lastErrno(), String(pidfd));
    if (hasErrno(failed, 'ECHILD')) return 'not-a-child';
    throw failed;
  }
  // siginfo_t: si_code at 8, si_pid at 16, si_status at 24 on 64-bit machines.
  if (siginfo.readInt32LE(16) === 0) return 'running';
  const [code, status] = [siginfo.readInt32LE(8), siginfo.readInt32LE(24)];
  return code === CLD_EXITED
    ? { exitCode: status, signal: undefined }
    : { exitCode: undefined, signal: status };
}

/**
 * How the process of a pidfd ended, whoever reaped it: PIDFD_GET_INFO of linux/pidfd.h, Linux 6.15. Undefined while
 * it is not reaped, and on older kernels.
 */
export function exitOfPidfd(pidfd: number): WaitStatus | undefined {
  const PIDFD_GET_INFO = 0xc040ff0b;
  const PIDFD_INFO_EXIT = 0x8n;
  const info = memory(64);
  info.writeBigUInt64LE(0xfn, 0);
  if (ioctl(pidfd, PIDFD_GET_INFO, info) === -1) {
    const failed = new SystemCallFailed('ioctl', lastErrno(), 'PIDFD_GET_INFO');
    if (hasErrno(failed, 'ENOTTY', 'EINVAL', 'ESRCH')) return undefined;
    throw failed;
  }
  const known = (info.readBigUInt64LE(0) & PIDFD_INFO_EXIT) !== 0n;
  return known ? decodeWaitStatus(info.readInt32LE(60)) : undefined;
}

/** What /proc/PID/stat tells (proc_pid_stat(5)); undefined when there is no such process. */
export interface ProcessStat {
  readonly state: string;
  readonly parentPid: number;
  /** Field 22: with the pid it names one process for as long as the machine is up. Clock ticks since boot. */
  readonly startTimeTicks: string;
  /** Field 52, of a zombie. */
  readonly waitStatus: number;
}

export function processStat(pid: number): ProcessStat | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}

/** The command name is in parentheses and may contain anything, so fields count from the last `)`. */
export function parseProcessStat(text: string): ProcessStat {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .trimEnd()
    .split(' ');
  return {
    state: fields[0] ?? '',
    parentPid: Number(fields[1]),
    startTimeTicks: fields[19] ?? '',
    waitStatus: Number(fields[49]),
  };
}

/** Field 22 of /proc/PID/stat; undefined when there is no such process. */
export const startTimeTicks = (pid: number): string | undefined => processStat(pid)?.startTimeTicks;

/** The pids of this process's children, dead ones that were not reaped included; empty where the kernel does not tell. */
export function childrenOfSelf(): readonly number[] {
  try {
    const text = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
    return text
      .split(' ')
      .filter((word) => word !== '')
      .map(Number);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** The number of a signal by its name (`SIGTERM`). */
export const signalNumber = (name: NodeJS.Signals): number => constants.signals[name];
