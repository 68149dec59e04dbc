import { constants, openSync, readSync } from 'node:fs';
import { hasErrno } from './system-call-failed.ts';

/** The longest record that the kernel hands out. */
const RECORD_BYTES = 8192;

/** The kernel's messages (`/dev/kmsg`), each read once, from the oldest that the kernel still has. */
export class KernelLog {
  readonly #path: string;
  readonly #record = Buffer.from(new ArrayBuffer(RECORD_BYTES));
  #fd: number | undefined;
  #closed = false;

  constructor(path = '/dev/kmsg') {
    this.#path = path;
  }

  /**
   * The texts of the messages that came since the last call. Only the kernel's own: what programs write into its log
   * has another facility. None where the log is not there or not for us, as in most system containers.
   */
  read(): readonly string[] {
    const texts: string[] = [];
    for (let record = this.#next(); record !== undefined; record = this.#next()) {
      const text = /^[0-7],[^;]*;([^\n]*)/.exec(record)?.[1];
      if (text !== undefined) texts.push(text);
    }
    return texts;
  }

  #next(): string | undefined {
    const fd = this.#open();
    while (fd !== undefined) {
      try {
        const length = readSync(fd, this.#record, 0, RECORD_BYTES, null);
        return length === 0 ? undefined : this.#record.toString('utf8', 0, length);
      } catch (error) {
        if (hasErrno(error, 'EAGAIN')) return undefined;
        // Overwritten before we came; the next read gives the oldest there is.
        if (!hasErrno(error, 'EPIPE')) throw error;
      }
    }
    return undefined;
  }

  #open(): number | undefined {
    if (this.#closed || this.#fd !== undefined) return this.#fd;
    try {
      this.#fd = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'ENXIO', 'ENODEV')) throw error;
      this.#closed = true;
    }
    return this.#fd;
  }
}
