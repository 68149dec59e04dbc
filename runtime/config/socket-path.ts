import { absolutePath } from './readers.ts';
import { NotAsExpected, type Reader } from './settings.ts';

/** sun_path of unix(7) has room for 107 bytes. */
export const socketPath: Reader<string> = (value) => {
  const path = absolutePath(typeof value === 'string' ? value.replace(/^unix:\/\//, '') : value);
  if (Buffer.byteLength(path) <= 107) return path;
  throw new NotAsExpected('is longer than a socket path may be, 107 bytes');
};
