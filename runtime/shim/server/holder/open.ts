import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Holder } from './holder.ts';
import { ProcessHolder } from './process-holder.ts';
import { SystemdHolder } from './systemd-holder.ts';

/** systemd's descriptor store where this process's unit has one, else a process of our own. */
export function openHolder(path: string, environment: NodeJS.ProcessEnv): Holder {
  const socket = environment['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '' || !storeExists()) return new ProcessHolder(path);
  return new SystemdHolder(socket, environment);
}

/**
 * A unit without `FileDescriptorStoreMax=` has its descriptors closed without a word, so systemd is asked.
 * Where nobody can answer there is no store to rely on.
 */
function storeExists(): boolean {
  const unit = ownUnit();
  if (unit === undefined) return false;
  const argv = ['show', '--property=FileDescriptorStoreMax', '--value', unit];
  try {
    return Number(execFileSync('systemctl', argv, { encoding: 'utf8', timeout: 5000, stdio: 'pipe' })) > 0;
  } catch {
    return false;
  }
}

/** The service whose cgroup this process is in. */
const ownUnit = (): string | undefined =>
  /\/([^/\n]+\.service)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
