import { lstatSync, mkdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Fail } from '../core/fail.ts';
import { hasErrno } from '../linux/system-call-failed.ts';

/** Makes the folder that the field names, with its parents. */
export const makeLogFolder = (field: string, path: string): void => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw cannotMake(field, path, cause);
  }
};

/**
 * Makes the folders between the pod's log folder and the log. A pod may have its logs mounted, so none of them may be
 * a link to somewhere else on the host; the shim looks again when it opens the log.
 */
export const makeFoldersOfLog = (root: string, logPath: string): void => {
  makeLogFolder('config.log_directory', root);
  const names = relative(root, dirname(logPath))
    .split('/')
    .filter((name) => name !== '');
  for (const index of names.keys()) makeOne(join(root, ...names.slice(0, index + 1)));
};

const makeOne = (path: string): void => {
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (cause) {
    if (!hasErrno(cause, 'EEXIST')) throw cannotMake('config.log_path', path, cause);
    if (!lstatSync(path).isDirectory())
      throw cannotMake('config.log_path', path, new Error('it is no folder'));
  }
};

const cannotMake = (field: string, path: string, cause: unknown): Fail => {
  const code = hasErrno(cause, 'ENOSPC', 'EDQUOT') ? 'ResourceExhausted' : 'FailedPrecondition';
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Fail(code, `${field}: cannot make the folder ${JSON.stringify(path)}: ${why}`, { cause });
};
