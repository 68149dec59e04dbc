import { closeSync, constants, openSync } from 'node:fs';
import { AGAIN, duplicate, setNonBlocking, setTerminalSize, spliceToPipe } from '../../../linux/fds.ts';
import { type Watch, watch } from '../../../linux/poll.ts';
import type { Resize } from '../../protocol/messages.ts';

const RELAY_BYTES = 64 * 1024;
/** A terminal that no process has open reports its end all the time, until one opens it again. */
const REVIVE_MS = 500;

/**
 * Relays a container's terminal into its `stdout` FIFO inside the kernel, so that terminal output goes the same
 * lossless way to the log as any other. Owns the master.
 */
export class Terminal {
  readonly #master: number;
  readonly #fifo: number;
  readonly #watch: Watch;
  #full: Watch | undefined;
  #revival: NodeJS.Timeout | undefined;
  #finishing = false;
  #closed = false;

  constructor(master: number, fifoPath: string) {
    this.#master = master;
    setNonBlocking(master);
    this.#fifo = openSync(fifoPath, constants.O_RDWR | constants.O_NONBLOCK);
    this.#watch = watch(master, 'readable', () => this.#relay());
  }

  /** A descriptor to type through, the caller's own; undefined when the terminal has ended. */
  openInput(): number | undefined {
    return this.#closed ? undefined : duplicate(this.#master);
  }

  resize(size: Resize): void {
    if (!this.#closed) setTerminalSize(this.#master, size);
  }

  /** The container has ended: what is left is relayed, then the FIFO ends, so that its reader sees the end. */
  finish(): void {
    this.#finishing = true;
    clearTimeout(this.#revival);
    if (this.#full === undefined) this.#watch.resume();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#full?.close();
    clearTimeout(this.#revival);
    closeSync(this.#fifo);
    closeSync(this.#master);
  }

  #relay(): void {
    const moved = spliceToPipe(this.#master, this.#fifo, RELAY_BYTES);
    if (moved === AGAIN) this.#waitForRoom();
    else if (moved === 0 && this.#finishing) this.close();
    else if (moved === 0) this.#rest();
  }

  #rest(): void {
    this.#watch.pause();
    this.#revival = setTimeout(() => this.#watch.resume(), REVIVE_MS);
  }

  /** Readable yet nothing moved: the FIFO is full, because somebody attached is slow. */
  #waitForRoom(): void {
    this.#watch.pause();
    this.#full = watch(this.#fifo, 'writable', () => {
      this.#full?.close();
      this.#full = undefined;
      this.#watch.resume();
    });
  }
}
