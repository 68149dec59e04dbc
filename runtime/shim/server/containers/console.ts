import { randomBytes } from 'node:crypto';
import { closeSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { acceptUnix, listenUnix, receiveFds } from '../../../linux/sockets.ts';

/**
 * The socket through which a runtime hands over the master of the terminal that it made
 * (`--console-socket`): one connection, one message with one descriptor. It waits in the kernel until it is taken,
 * and goes with the socket when it is not.
 */
export class ConsoleSocket {
  readonly path: string;
  readonly #listener: number;

  constructor(folder: string) {
    this.path = join(folder, randomBytes(4).toString('hex'));
    this.#listener = listenUnix(this.path);
  }

  /** The master, which is the caller's from now on. To be asked when the runtime has ended well: it sends before. */
  takeMaster(): number {
    const connection = acceptUnix(this.#listener);
    if (connection === undefined) throw noTerminal();
    try {
      const [master, ...rest] = receiveFds(connection)?.fds ?? [];
      for (const fd of rest) closeSync(fd);
      if (master === undefined) throw noTerminal();
      return master;
    } finally {
      closeSync(connection);
    }
  }

  close(): void {
    closeSync(this.#listener);
    rmSync(this.path, { force: true });
  }
}

const noTerminal = (): Fail => new Fail('Internal', 'the runtime sent no terminal to its console socket');
