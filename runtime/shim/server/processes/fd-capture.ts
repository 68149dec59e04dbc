import { closeSync } from 'node:fs';
import { AGAIN, readNow, setNonBlocking } from '../../../linux/fds.ts';
import { type Watch, watch } from '../../../linux/poll.ts';

export interface Captured {
  readonly bytes: Buffer;
  readonly truncated: boolean;
}

/** Reads of all captures go through it; synchronously, so one serves all. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Collects what comes from a pipe up to a limit, and reads on without keeping it: memory stays flat whatever the
 * writer does. Owns the descriptor.
 */
export class FdCapture {
  readonly #fd: number;
  readonly #limit: number;
  readonly #watch: Watch;
  readonly #chunks: Buffer[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #length = 0;
  #truncated = false;
  #closed = false;

  constructor(fd: number, limitBytes: number) {
    this.#fd = fd;
    this.#limit = limitBytes;
    setNonBlocking(fd);
    this.#watch = watch(fd, 'readable', () => this.#read());
  }

  /** Resolves at the pipe's end, or when it was closed. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get result(): Captured {
    return { bytes: Buffer.concat(this.#chunks), truncated: this.#truncated };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    closeSync(this.#fd);
    this.#ended.resolve();
  }

  #read(): void {
    const got = readNow(this.#fd, scratch);
    if (got === 0) this.close();
    else if (got !== AGAIN) this.#keep(scratch.subarray(0, got));
  }

  #keep(bytes: Buffer): void {
    const room = this.#limit - this.#length;
    if (bytes.length > room) this.#truncated = true;
    if (room <= 0) return;
    const kept = Buffer.from(bytes.subarray(0, room));
    this.#chunks.push(kept);
    this.#length += kept.length;
  }
}
