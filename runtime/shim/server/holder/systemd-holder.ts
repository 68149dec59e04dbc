import { closeSync } from 'node:fs';
import { setCloseOnExec } from '../../../linux/fds.ts';
import { sendFdsTo } from '../../../linux/sockets.ts';
import type { Holder } from './holder.ts';

const FIRST_PASSED_FD = 3;

/**
 * systemd's file descriptor store (sd_pid_notify_with_fds(3)); the unit sets `FileDescriptorStoreMax=`. What is
 * kept comes back to the next start as descriptors from 3 on, named by LISTEN_FDNAMES. There is no need for BARRIER=1:
 * what a main process sent waits in systemd's socket, and systemd reads it before it takes notice of that process's end.
 */
export class SystemdHolder implements Holder {
  readonly #socket: string;
  readonly #recovered: Map<string, number>;

  constructor(socket: string, environment: NodeJS.ProcessEnv) {
    this.#socket = socket;
    this.#recovered = passedFds(environment);
  }

  /** FDPOLL=0: systemd would otherwise drop a descriptor that hangs up, which is when it is needed. */
  keep(name: string, fd: number): void {
    sendFdsTo(this.#socket, Buffer.from(`FDSTORE=1\nFDPOLL=0\nFDNAME=${name}\n`), [fd]);
  }

  drop(names: readonly string[]): void {
    for (const name of names) sendFdsTo(this.#socket, Buffer.from(`FDSTOREREMOVE=1\nFDNAME=${name}\n`), []);
  }

  /** It stays in the store. */
  take(name: string): number | undefined {
    const fd = this.#recovered.get(name);
    this.#recovered.delete(name);
    return fd;
  }

  forgetRest(): void {
    this.drop([...this.#recovered.keys()]);
    for (const fd of this.#recovered.values()) closeSync(fd);
    this.#recovered.clear();
  }

  close(): void {}
}

function passedFds({ LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' }: NodeJS.ProcessEnv): Map<string, number> {
  const byName = new Map<string, number>();
  if (Number(LISTEN_PID) !== process.pid) return byName;
  const names = LISTEN_FDNAMES.split(':');
  for (let index = 0; index < Number(LISTEN_FDS); index += 1) {
    const fd = FIRST_PASSED_FD + index;
    setCloseOnExec(fd);
    byName.set(names[index] ?? `unnamed-${fd}`, fd);
  }
  return byName;
}
