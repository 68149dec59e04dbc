import { writeFileSync } from 'node:fs';
import { hasErrno } from '../linux/system-call-failed.ts';
import { readKernelFile } from './usage/read-file.ts';

/**
 * Gives the processes that have the former score the new one: a process that has chosen another for itself keeps it.
 * Children have what their parent had when it made them. Answers the processes for which the kernel refuses a lower
 * score, which it does to those without CAP_SYS_RESOURCE.
 */
export const adjustOomScore = (pids: readonly number[], former: number, score: number): readonly number[] => {
  if (former === score) return [];
  return pids.filter((pid) => {
    const file = `/proc/${pid}/oom_score_adj`;
    const now = readKernelFile(file);
    return now !== undefined && Number(now) === former && !written(file, score);
  });
};

const written = (file: string, score: number): boolean => {
  try {
    writeFileSync(file, String(score));
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return true; // it has ended
    if (hasErrno(error, 'EACCES', 'EPERM')) return false;
    throw error;
  }
};
