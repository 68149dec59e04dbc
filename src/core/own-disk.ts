import { Fail } from './fail.ts';

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** There is no room left, or the user may take no more of it. */
export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].some((code) => code === codeOf(error));

/** Of a file or folder: a socket that refuses has no path, a program that cannot be started has one too. */
const isOfPlace = (error: unknown): boolean =>
  error instanceof Error &&
  'path' in error &&
  !('syscall' in error && /^(connect|spawn)\b/.test(String(error.syscall)));

/**
 * What the disk of the machine that berth runs on did not allow, as a `Fail`: `DiskFull`, or `BadUsage` for a place that may not
 * be read or written. Undefined for every other error. Disks of hosts are told by the hosts.
 */
export const ownDiskFailure = (error: unknown): Fail | undefined => {
  const said = error instanceof Error ? error.message : '';
  if (isDiskFull(error))
    return new Fail('DiskFull', `the disk of this machine is full: ${said}`, {
      hint: 'Make room, or name another place for what is fetched and built with BERTH_CACHE, and run the same command again.',
      cause: error,
    });
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EROFS':
      if (!isOfPlace(error)) return undefined;
      return new Fail('BadUsage', `a place of this machine cannot be read or written: ${said}`, {
        hint: 'Run berth as a user who may, or name another place: BERTH_CACHE for what is fetched and built.',
        cause: error,
      });
    default:
      return undefined;
  }
};
