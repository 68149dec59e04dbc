/**
 * For `.catch(absent)`: a file or folder that is not there is `undefined`; every other error goes on.
 * ENOTDIR too: a parent that is no folder has nothing below it.
 */
export const absent = (error: unknown): undefined => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
};
