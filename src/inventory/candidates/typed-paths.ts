import { homedir } from 'node:os';
import { isAbsolute, relative, resolve } from 'node:path';

/** A path that a person typed where no shell replaces the home folder. */
export const fromHome = (path: string): string => path.replace(/^~(?=\/|$)/, homedir());

/** A path of the folder that berth was started in, as a profile in `folder` must say it; the folder itself is `.`. */
export const seenFrom = (folder: string, path: string): string =>
  isAbsolute(path) || path.startsWith('~') ? path : relative(resolve(folder), resolve(path)) || '.';
