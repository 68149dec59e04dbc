import { readdirSync, readlinkSync } from 'node:fs';
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

/** Looks at every descriptor of these processes; those that end meanwhile do not count. Some 4 µs a descriptor. */
export const takeCensus = async (pids: readonly number[]): Promise<Census> => {
  const census = { processes: 0, fileDescriptors: 0, sockets: 0 };
  const slice = createTimeSlice(SLICE_MS);
  for (const pid of pids) {
    const descriptors = descriptorsOf(pid);
    if (descriptors === undefined) continue;
    census.processes += 1;
    census.fileDescriptors += descriptors.length;
    census.sockets += await countSockets(pid, descriptors, slice);
    await slice.rest();
  }
  return census;
};

const descriptorsOf = (pid: number): readonly string[] | undefined => {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH', 'EACCES')) return undefined;
    throw error;
  }
};

const countSockets = async (
  pid: number,
  descriptors: readonly string[],
  slice: TimeSlice,
): Promise<number> => {
  let sockets = 0;
  for (const descriptor of descriptors) {
    if (isSocket(`/proc/${pid}/fd/${descriptor}`)) sockets += 1;
    await slice.rest();
  }
  return sockets;
};

const isSocket = (path: string): boolean => {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH', 'EACCES')) return false;
    throw error;
  }
};

/** The soft limit of open files of that process (proc_pid_limits(5)); undefined when it has none, or is gone. */
export const openFilesLimit = (pid: number): number | undefined => {
  const text = readKernelFile(`/proc/${pid}/limits`) ?? '';
  const soft = /^Max open files +(\d+|unlimited)/m.exec(text)?.[1];
  return soft === undefined || soft === 'unlimited' ? undefined : Number(soft);
};
