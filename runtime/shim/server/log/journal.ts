import { constants, openSync, readSync, writeSync } from 'node:fs';
import type { LogStream } from './format.ts';

/** How far the log has got: all of it is true at one moment. */
export interface LogPosition {
  /** Inode of the log file that `size` is about; 0: there is none. */
  readonly inode: number;
  readonly size: number;
  /** Bytes of each stream's spool that are in the log (this one or one before it). */
  readonly consumed: Record<LogStream, number>;
}

const BYTES = 32;

/**
 * Notes a container's log position in one small write to a file on tmpfs. The kernel copies it into a single
 * page without a point where a kill could interrupt it, so it is whole at any moment.
 */
export class LogJournal {
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(BYTES);

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  }

  get fd(): number {
    return this.#fd;
  }

  /** The last noted position, or undefined in a new journal. */
  read(): LogPosition | undefined {
    if (readSync(this.#fd, this.#bytes, 0, BYTES, 0) < BYTES) return undefined;
    return {
      inode: Number(this.#bytes.readBigUInt64LE(0)),
      size: Number(this.#bytes.readBigUInt64LE(8)),
      consumed: {
        stdout: Number(this.#bytes.readBigUInt64LE(16)),
        stderr: Number(this.#bytes.readBigUInt64LE(24)),
      },
    };
  }

  write(position: LogPosition): void {
    this.#bytes.writeBigUInt64LE(BigInt(position.inode), 0);
    this.#bytes.writeBigUInt64LE(BigInt(position.size), 8);
    this.#bytes.writeBigUInt64LE(BigInt(position.consumed.stdout), 16);
    this.#bytes.writeBigUInt64LE(BigInt(position.consumed.stderr), 24);
    writeSync(this.#fd, this.#bytes, 0, BYTES, 0);
  }
}
