import { constants } from 'node:os';
import { Fail, type FailCode } from '../core/fail.ts';

/** Second names of EAGAIN and EOPNOTSUPP on Linux. */
const aliases = ['EWOULDBLOCK', 'ENOTSUP'];

/** ENOENT for 2, and so on. */
const nameByNumber = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => !aliases.includes(name))
    .map(([name, number]) => [number, name]),
);

const codes: Readonly<Record<string, FailCode>> = {
  ENOENT: 'NotFound',
  ESRCH: 'NotFound',
  EEXIST: 'AlreadyExists',
  EPERM: 'PermissionDenied',
  EACCES: 'PermissionDenied',
  ENOSPC: 'ResourceExhausted',
  EDQUOT: 'ResourceExhausted',
  ENOMEM: 'ResourceExhausted',
  EMFILE: 'ResourceExhausted',
  ENFILE: 'ResourceExhausted',
  EBUSY: 'FailedPrecondition',
  ENOSYS: 'Unimplemented',
  EOPNOTSUPP: 'Unimplemented',
};

/** A system call said no: `errno` is its symbolic name (`EBUSY`), `call` the function, `context.arguments` its input. */
export class SystemCallFailed extends Fail {
  readonly errno: string;
  readonly call: string;

  constructor(call: string, errno: number, input: string) {
    const name = nameByNumber.get(errno) ?? `errno ${errno}`;
    super(codes[name] ?? 'Internal', `${call}(${input}): ${name}`, {
      context: { call, errno: name, arguments: input },
    });
    this.call = call;
    this.errno = name;
  }
}

/** True when `error` is that errno, from a wrapped call or from node:fs. */
export function hasErrno(error: unknown, ...names: readonly string[]): boolean {
  if (error instanceof SystemCallFailed) return names.includes(error.errno);
  return error instanceof Error && 'code' in error && names.includes(String(error.code));
}
