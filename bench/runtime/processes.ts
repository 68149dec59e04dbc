import { readdirSync, readFileSync } from 'node:fs';

/** Processes whose command line names the folder. */
export const processesNaming = (folder: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && read(pid, 'cmdline').includes(folder));

/** Proportional set size of all of them, MiB. */
export const pssMebibytes = (pids: readonly number[]): number => {
  const kibibytes = pids.map((pid) => Number(/^Pss:\s+(\d+) kB/m.exec(read(pid, 'smaps_rollup'))?.[1] ?? 0));
  return kibibytes.reduce((sum, each) => sum + each, 0) / 1024;
};

/** USER_HZ, in which proc(5) counts, is 100 on every architecture that we know. */
const TICKS_PER_SECOND = 100;

/** CPU time that they have taken so far, with their ended children's, in seconds. */
export const cpuSeconds = (pids: readonly number[]): number => {
  const ticks = pids.map((pid) => {
    const stat = read(pid, 'stat');
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15)
      .map(Number);
    return utime + stime + cutime + cstime;
  });
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
};

/** Empty when the process has ended meanwhile. */
const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
};
