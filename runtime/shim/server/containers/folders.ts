import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where the shim keeps what it must find again: under `/run`, so a reboot ends it with the containers. */
export class Folders {
  readonly root: string;
  readonly socket: string;
  readonly lock: string;
  readonly holder: string;
  /** Where shims of containerd's API send their events. */
  readonly events: string;
  readonly containers: string;
  /** Console sockets: short names, since a socket's path has 107 bytes at most. */
  readonly consoles: string;

  constructor(runRoot: string) {
    this.root = join(runRoot, 'shim');
    this.socket = join(runRoot, 'shim.sock');
    this.lock = join(this.root, 'lock');
    this.holder = join(this.root, 'holder.json');
    this.events = join(this.root, 'events.sock');
    this.containers = join(this.root, 'containers');
    this.consoles = join(this.root, 'c');
  }

  make(): void {
    mkdirSync(this.containers, { recursive: true, mode: 0o700 });
    mkdirSync(this.consoles, { recursive: true, mode: 0o700 });
  }

  container(id: string): string {
    return join(this.containers, id);
  }
}
