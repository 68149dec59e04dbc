import { writeFileSync } from 'node:fs';
import { hasErrno } from '../linux/system-call-failed.ts';
import { readKernelFile } from './usage/read-file.ts';

/**
 * Gives the processes that have the former score the new one: a process that has chosen another for itself keeps it.
 * Children have what their parent had when it made them.
 */
export const adjustOomScore = (pids: readonly number[], former: number, score: number): void => {
  if (former === score) return;
  for (const pid of pids) {
    const file = `/proc/${pid}/oom_score_adj`;
    const now = readKernelFile(file);
    if (now !== undefined && Number(now) === former) write(file, score);
  }
};

const write = (file: string, score: number): void => {
  try {
    writeFileSync(file, String(score));
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ESRCH')) throw error; // it has ended
  }
};
