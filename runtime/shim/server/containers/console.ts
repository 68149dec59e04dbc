import { randomBytes } from 'node:crypto';
import { closeSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { type Watch, watch } from '../../../linux/poll.ts';
import { acceptUnix, listenUnix, receiveFds } from '../../../linux/sockets.ts';

/**
 * The socket through which a runtime hands over the master of the terminal that it made
 * (`--console-socket`): one connection, one message with one descriptor.
 */
export class ConsoleSocket {
  readonly path: string;
  readonly #listener: number;
  readonly #watches: Watch[] = [];
  /** The master; the receiver owns it. Rejects when the runtime sent something else. */
  readonly master: Promise<number>;

  constructor(folder: string) {
    this.path = join(folder, randomBytes(4).toString('hex'));
    this.#listener = listenUnix(this.path);
    this.master = new Promise((resolve, reject) => {
      this.#watch(this.#listener, () => {
        const connection = acceptUnix(this.#listener);
        if (connection === undefined) return false;
        this.#receive(connection, resolve, reject);
        return true;
      });
    });
    // The caller may fail before it awaits; `close` and the runtime's own error tell then.
    this.master.catch(() => {});
  }

  #receive(connection: number, resolve: (fd: number) => void, reject: (error: Fail) => void): void {
    this.#watch(connection, () => {
      const [master, ...rest] = receiveFds(connection)?.fds ?? [];
      for (const fd of rest) closeSync(fd);
      if (master === undefined)
        reject(new Fail('Internal', 'the runtime sent no terminal to its console socket'));
      else resolve(master);
      setImmediate(() => closeSync(connection));
      return true;
    });
  }

  /** `onReady` answers true when it needs no more. */
  #watch(fd: number, onReady: () => boolean): void {
    const watching = watch(fd, 'readable', () => {
      if (onReady()) watching.close();
    });
    this.#watches.push(watching);
  }

  close(): void {
    for (const watching of this.#watches) watching.close();
    closeSync(this.#listener);
    rmSync(this.path, { force: true });
  }
}
