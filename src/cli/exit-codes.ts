import type { Fail, FailCode } from '../core/fail.ts';

/** Exit codes are part of the interface: docs/cli.md lists them for scripts. */
export const exitCodes = {
  done: 0,
  unexpected: 1,
  changesPending: 2,
  badUsage: 10,
  cancelled: 130,
} as const;

const failures: Readonly<Record<FailCode, number>> = {
  Internal: exitCodes.unexpected,
  BadProfile: exitCodes.badUsage,
  BadUsage: exitCodes.badUsage,
  Unreachable: 11,
  ConnectionLost: 11,
  HostKeyUnknown: 12,
  HostKeyChanged: 12,
  AuthenticationFailed: 12,
  NoSudo: 12,
  Unsupported: 13,
  Locked: 14,
  PackageLock: 14,
  Fetch: 15,
  ChecksumMismatch: 15,
  NotLocked: 15,
  CommandFailed: 16,
  DiskFull: 16,
  HostMoved: 17,
  VerifyFailed: 18,
  RolledBack: 18,
  DeadlineExceeded: 19,
  CloudRefused: 20,
  Cancelled: exitCodes.cancelled,
};

export const exitCodeOf = (error: Fail): number => failures[error.code];
