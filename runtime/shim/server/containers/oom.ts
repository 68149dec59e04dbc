import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasErrno } from '../../../linux/system-call-failed.ts';

const CGROUPS = '/sys/fs/cgroup';

/**
 * The file in which the kernel counts the OOM kills of a process's memory cgroup: `memory.oom_control` of
 * cgroup v1, `memory.events` of v2. Null when the process has no memory cgroup that we can see.
 */
export function findOomCounter(pid: number): string | null {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const v1 = lines.find(([, controllers = '']) => controllers.split(',').includes('memory'));
  const v2 = lines.find(([hierarchy]) => hierarchy === '0');
  const candidates = [
    ...(v1 === undefined ? [] : [join(CGROUPS, 'memory', v1[2] ?? '', 'memory.oom_control')]),
    ...(v2 === undefined ? [] : [join(CGROUPS, v2[2] ?? '', 'memory.events')]),
  ];
  return candidates.find((path) => existsSync(path)) ?? null;
}

/** How many processes of the cgroup the kernel has killed for want of memory; 0 when the cgroup is gone. */
export function oomKills(counter: string | null): number {
  if (counter === null) return 0;
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(counter, 'utf8'))?.[1] ?? 0);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENODEV')) return 0;
    throw error;
  }
}
