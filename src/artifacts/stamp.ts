import { statSync } from 'node:fs';

/** Coarsest step of the clocks that file systems stamp with, and some air. */
const clockStepMs = 2000;

/** What a file system tells of a file's content without reading it. */
export interface Stamp {
  readonly bytes: number;
  /**
   * Size, inode, device and time stamps. Equal texts mean the same content: whoever writes moves the time of change,
   * which nobody can set back.
   */
  readonly text: string;
  /**
   * Whether the last change is so long before this time (milliseconds since 1970) that a change made later would have
   * another stamp. A younger stamp proves nothing: two writes within one step of the clock look the same.
   */
  restedBefore(time: number): boolean;
}

/** The stamp of a file; undefined when nothing lies there. */
export function stampOf(path: string): Stamp | undefined {
  const now = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (now === undefined) return undefined;
  const { size, ino, dev, mtimeNs, ctimeNs } = now;
  return {
    bytes: Number(size),
    text: [size, ino, dev, mtimeNs, ctimeNs].join(','),
    restedBefore: (time) => Number(ctimeNs / 1_000_000n) + clockStepMs < time,
  };
}
