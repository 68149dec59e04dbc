import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type AGAIN, punchHole, spliceToFile } from '../../../linux/fds.ts';

/** What a pipe holds by default, so what one splice can move. */
const SPLICE_BYTES = 64 * 1024;
const PAGE_BYTES = 4096;

/**
 * A stream's output between the pipe and the log: a file on tmpfs whose offsets only grow. What the log has is
 * given back by punching holes, never by truncating, so an offset means the same byte for ever and there is no
 * moment in which the spool's size and the journal disagree.
 */
export class Spool {
  readonly #fd: number;
  #size: number;
  #released = 0;

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  /** Bytes that ever came. */
  get size(): number {
    return this.#size;
  }

  /** Moves what the pipe holds here: the number of bytes, 0 at the stream's end, or AGAIN. */
  fillFrom(pipe: number): number | typeof AGAIN {
    const moved = spliceToFile(pipe, this.#fd, this.#size, SPLICE_BYTES);
    if (typeof moved === 'number') this.#size += moved;
    return moved;
  }

  /** Reads from offset `from` into `into` as much as there is. */
  read(from: number, into: Buffer): Buffer {
    const wanted = Math.min(into.length, this.#size - from);
    return into.subarray(0, readSync(this.#fd, into, 0, wanted, from));
  }

  /** Gives back the memory of whole pages before `offset`. */
  release(offset: number): void {
    const end = offset - (offset % PAGE_BYTES);
    if (end <= this.#released) return;
    punchHole(this.#fd, this.#released, end);
    this.#released = end;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
