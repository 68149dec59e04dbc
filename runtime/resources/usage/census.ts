import { type Dir, opendirSync, readlinkSync } from 'node:fs';
import { hasErrno } from '../../linux/system-call-failed.ts';
import { readKernelFile } from './read-file.ts';
import { createTimeSlice, type TimeSlice } from './time-slice.ts';

/** What the processes of a container have open. */
export interface Census {
  readonly processes: number;
  readonly fileDescriptors: number;
  readonly sockets: number;
}

const SLICE_MS = 2;

/** Looks at every descriptor of these processes; those that end meanwhile do not count. Some 6 µs a descriptor. */
export const takeCensus = async (pids: readonly number[]): Promise<Census> => {
  const census = { processes: 0, fileDescriptors: 0, sockets: 0 };
  const slice = createTimeSlice(SLICE_MS);
  for (const pid of pids) {
    const folder = `/proc/${pid}/fd`;
    const descriptors = unlessGone(() => opendirSync(folder, { bufferSize: 256 }));
    if (descriptors === undefined) continue;
    census.processes += 1;
    try {
      await countDescriptors(folder, descriptors, census, slice);
    } finally {
      descriptors.closeSync();
    }
  }
  return census;
};

/** One by one: a process may have a million. */
const countDescriptors = async (
  folder: string,
  descriptors: Dir,
  census: { fileDescriptors: number; sockets: number },
  slice: TimeSlice,
): Promise<void> => {
  for (;;) {
    const entry = unlessGone(() => descriptors.readSync());
    if (entry === undefined || entry === null) return;
    census.fileDescriptors += 1;
    const target = unlessGone(() => readlinkSync(`${folder}/${entry.name}`));
    if (target?.startsWith('socket:') === true) census.sockets += 1;
    await slice.rest();
  }
};

/** Undefined when the process has ended, or closed the descriptor. */
const unlessGone = <T>(look: () => T): T | undefined => {
  try {
    return look();
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH', 'EACCES')) return undefined;
    throw error;
  }
};

/** The soft limit of open files of that process (proc_pid_limits(5)); undefined when it has none, or is gone. */
export const openFilesLimit = (pid: number): number | undefined => {
  const text = readKernelFile(`/proc/${pid}/limits`) ?? '';
  const soft = /^Max open files +(\d+|unlimited)/m.exec(text)?.[1];
  return soft === undefined || soft === 'unlimited' ? undefined : Number(soft);
};
