import { Fail } from './fail.ts';
import { ownDiskFailure } from './own-disk.ts';

/** Any error as a `Fail`; one that is none yet is a fault of berth itself and says so. */
export const asFail = (error: unknown): Fail => {
  if (error instanceof Fail) return error;
  const disk = ownDiskFailure(error);
  if (disk !== undefined) return disk;
  const message = error instanceof Error ? error.message : String(error);
  return new Fail('Internal', `unexpected: ${message}`, {
    hint: 'this is a fault of berth: please report it with the text above',
    cause: error,
  });
};
