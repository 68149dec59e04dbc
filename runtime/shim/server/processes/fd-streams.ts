import { closeSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { AGAIN, readNow, setNonBlocking, writeNow } from '../../../linux/fds.ts';
import { type Watch, watch } from '../../../linux/poll.ts';

const READ_BYTES = 64 * 1024;

/** A pipe, FIFO or pty master as a stream that owns the descriptor: closed when the stream is. */
export class FdReadable extends Readable {
  readonly #fd: number;
  readonly #watch: Watch;

  constructor(fd: number) {
    super({ highWaterMark: READ_BYTES });
    setNonBlocking(fd);
    this.#fd = fd;
    this.#watch = watch(fd, 'readable', () => this.#pull());
    this.#watch.pause();
  }

  override _read(): void {
    this.#watch.resume();
  }

  #pull(): void {
    try {
      const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
      const got = readNow(this.#fd, buffer);
      if (got === AGAIN) return;
      this.#watch.pause();
      this.push(got === 0 ? null : shrink(buffer, got));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#watch.close();
    closeSync(this.#fd);
    done(error);
  }
}

/** A short read must not keep 64 KiB alive for as long as somebody holds its bytes. */
const shrink = (buffer: Buffer, length: number): Buffer =>
  length > READ_BYTES / 2 ? buffer.subarray(0, length) : Buffer.from(buffer.subarray(0, length));

/** The writing counterpart. A reader that went away is an EPIPE error of the stream. */
export class FdWritable extends Writable {
  readonly #fd: number;
  #watch: Watch | undefined;

  constructor(fd: number) {
    super({ highWaterMark: READ_BYTES });
    setNonBlocking(fd);
    this.#fd = fd;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#push(chunk, done);
  }

  #push(chunk: Buffer, done: (error?: Error | null) => void): void {
    let put: number | typeof AGAIN;
    try {
      put = writeNow(this.#fd, chunk);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const rest = put === AGAIN ? chunk : chunk.subarray(put);
    if (rest.length === 0) done();
    else this.#whenWritable(() => this.#push(rest, done));
  }

  #whenWritable(proceed: () => void): void {
    const watching = watch(this.#fd, 'writable', () => {
      watching.close();
      this.#watch = undefined;
      proceed();
    });
    this.#watch = watching;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#watch?.close();
    closeSync(this.#fd);
    done(error);
  }
}
