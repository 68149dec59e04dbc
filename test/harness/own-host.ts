import { execFileSync } from 'node:child_process';
import { systemCall } from '../../runtime/linux/ffi.ts';

/** CLONE_NEWNET and CLONE_NEWIPC of sched.h. */
const NETWORK_AND_IPC = 0x40000000 | 0x08000000;
const unshare = systemCall('unshare', ['int']);

/**
 * Gives the rest of this test file, and what it starts from now on, a network and an IPC namespace that stand for the
 * host's. Fixed ports cannot meet those of other tests; bridges, firewall rules, host ports and shared memory segments go
 * with the last process. The file systems, cgroups and processes are the machine's.
 */
export const becomeOwnHost = (): void => {
  unshare(NETWORK_AND_IPC);
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
};
