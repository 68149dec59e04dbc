import { type Lines, linesOf } from './lines.ts';

export interface DiskFact {
  /** The file system that holds the folder, named by its mount point. */
  readonly mountPoint: string;
  readonly freeBytes: number;
}

/** By the folder that was asked for: the file system that it is, or would be, on. */
export const parseDisks = (lines: Lines): ReadonlyMap<string, DiskFact> =>
  new Map(
    linesOf(lines, 'disk').map(([folder = '', free = '0', mountPoint = '/']) => [
      folder,
      { mountPoint, freeBytes: Number(free) * 1024 },
    ]),
  );
