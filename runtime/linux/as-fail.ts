import { Fail, type FailCode } from '../core/fail.ts';
import { hasErrno, SystemCallFailed } from './system-call-failed.ts';

/** What calls fail with when something is wrong with the machine, not with this program, and what helps. */
const TROUBLE: Readonly<Record<string, readonly [FailCode, hint: string]>> = {
  ENOSPC: ['ResourceExhausted', 'free space or inodes of that file system: df -h and df -i tell of both'],
  EDQUOT: ['ResourceExhausted', 'raise the quota of that file system, or free some of it'],
  ENOMEM: ['ResourceExhausted', 'free memory of this machine'],
  EMFILE: ['ResourceExhausted', 'raise LimitNOFILE of the unit'],
  ENFILE: ['ResourceExhausted', 'raise the limit of open files of this machine: sysctl fs.file-max'],
  EROFS: ['FailedPrecondition', 'a disk with a fault is made read-only: see dmesg, and mount it anew'],
  EIO: ['DataLoss', 'the disk has a fault: see dmesg'],
};

/** The error as whoever called gets it: what nobody has foreseen is a fault of this program. */
export function asFail(error: unknown): Fail {
  if (error instanceof Fail && !(error instanceof SystemCallFailed)) return error;
  const [, trouble] = Object.entries(TROUBLE).find(([errno]) => hasErrno(error, errno)) ?? [];
  if (trouble !== undefined && error instanceof Error)
    return new Fail(trouble[0], error.message, { hint: trouble[1], cause: error });
  return error instanceof Fail
    ? error
    : new Fail('Internal', `unexpected error: ${String(error)}`, { cause: error });
}
