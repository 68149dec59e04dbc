import { mkdirSync } from 'node:fs';
import { Fail } from '../core/fail.ts';
import { hasErrno } from '../linux/system-call-failed.ts';

/** Makes the folder that the field names, with its parents. */
export const makeLogFolder = (field: string, path: string): void => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  } catch (cause) {
    const code = hasErrno(cause, 'ENOSPC', 'EDQUOT') ? 'ResourceExhausted' : 'FailedPrecondition';
    throw new Fail(code, `${field}: cannot make the folder ${JSON.stringify(path)}: ${String(cause)}`, {
      cause,
    });
  }
};
