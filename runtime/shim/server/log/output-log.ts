import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { realtimeNs } from '../../../linux/clock.ts';
import type { AGAIN } from '../../../linux/fds.ts';
import type { Log } from '../../../observe/log.ts';
import { findRotated, LogFile } from './file.ts';
import { type Formatted, firstEntries, formatEntries, type LogStream } from './format.ts';
import { LogJournal } from './journal.ts';
import { Spool } from './spool.ts';
import { accountTail } from './tail.ts';

export interface OutputLogOptions {
  /** The container's folder on tmpfs: spools and journal live there. */
  readonly folder: string;
  /** null: nothing is kept, output is only for who is attached. */
  readonly logPath: string | null;
  /** The pod's log folder, from which on no link is followed; absent, as in records of old: links are. */
  readonly logRoot?: string | undefined;
  /** Beyond this the log starts anew, empty; absent: it grows until the kubelet rotates it. At least one entry. */
  readonly maxBytes?: number | undefined;
  readonly log: Log;
}

/** Output that waits for a log that cannot be written; older output is dropped beyond this, and said so. */
const BACKLOG_BYTES = 4 * 1024 * 1024;
const RETRY_MS = 1000;

/** Output is handled in pieces of this size; synchronously, so one buffer serves all containers. */
const piece = Buffer.allocUnsafeSlow(128 * 1024);

/**
 * A container's output on its way: pipe → spool (in the kernel, nothing is ever in this process alone) → log →
 * journal. A shim killed at any instant finds in the spool what is not in the log, and in the log's tail what is
 * not in the journal.
 */
export class OutputLog {
  readonly #path: string | null;
  readonly #root: string | undefined;
  readonly #maxBytes: number;
  readonly #log: Log;
  readonly #spools: Record<LogStream, Spool>;
  readonly #journal: LogJournal;
  readonly #consumed: Record<LogStream, number>;
  readonly #ended: Record<LogStream, boolean> = { stdout: false, stderr: false };
  #file: LogFile | undefined;
  #retry: NodeJS.Timeout | undefined;

  /** Opens the log at its path and continues where an earlier shim stopped. Throws when the log cannot be opened. */
  constructor({ folder, logPath, logRoot, maxBytes, log }: OutputLogOptions) {
    this.#path = logPath;
    this.#root = logRoot;
    this.#maxBytes = maxBytes ?? Number.POSITIVE_INFINITY;
    this.#log = log;
    this.#journal = new LogJournal(join(folder, 'log.journal'));
    this.#spools = {
      stdout: new Spool(join(folder, 'stdout.spool')),
      stderr: new Spool(join(folder, 'stderr.spool')),
    };
    try {
      this.#consumed = this.#accounted();
      this.#file = logPath === null ? undefined : new LogFile({ path: logPath, root: logRoot });
    } catch (error) {
      this.close();
      throw error;
    }
    this.#note();
    this.#write('stdout');
    this.#write('stderr');
  }

  /** Moves what the pipe holds into the spool: the number of bytes, 0 at the end, or AGAIN. Then comes `commit`. */
  receive(stream: LogStream, pipe: number): number | typeof AGAIN {
    return this.#spools[stream].fillFrom(pipe);
  }

  /** A copy of the last `bytes` of the stream, for who is attached; only between `receive` and `commit`. */
  latest(stream: LogStream, bytes: number): Buffer {
    const spool = this.#spools[stream];
    return spool.read(spool.size - bytes, Buffer.allocUnsafe(bytes));
  }

  /** Writes what is whole to the log. */
  commit(stream: LogStream): void {
    this.#write(stream);
  }

  /** Nothing follows on this stream: an unfinished last line becomes an entry. */
  finish(stream: LogStream): void {
    this.#ended[stream] = true;
    this.#write(stream);
  }

  /** After rotation: the next entry goes to a new file at the same path. On failure the old one is kept. */
  reopen(): void {
    if (this.#path === null) return;
    const next = new LogFile({ path: this.#path, root: this.#root });
    this.#file?.close();
    this.#file = next;
    this.#note();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#file?.close();
    this.#spools.stdout.close();
    this.#spools.stderr.close();
    closeSync(this.#journal.fd);
  }

  /** The journal's count, and what the log's tail has beyond it. */
  #accounted(): Record<LogStream, number> {
    const position = this.#journal.read();
    if (position === undefined) return { stdout: 0, stderr: 0 };
    const tail = this.#tailBeyond(position.inode, position.size);
    return {
      stdout: Math.min(position.consumed.stdout + tail.stdout, this.#spools.stdout.size),
      stderr: Math.min(position.consumed.stderr + tail.stderr, this.#spools.stderr.size),
    };
  }

  #tailBeyond(inode: number, size: number): Record<LogStream, number> {
    const path = this.#path === null ? undefined : fileWithInode(this.#path, inode);
    if (path === undefined) return { stdout: 0, stderr: 0 };
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      // It is cut to its last whole entry: it must be the file that was found, whoever exchanged it meanwhile.
      return fstatSync(fd).ino === inode ? accountTail(fd, size) : { stdout: 0, stderr: 0 };
    } finally {
      closeSync(fd);
    }
  }

  #write(stream: LogStream): void {
    const spool = this.#spools[stream];
    while (this.#consumed[stream] < spool.size) {
      const output = spool.read(this.#consumed[stream], piece);
      const last = this.#consumed[stream] + output.length === spool.size;
      const consumed = this.#append(output, stream, this.#ended[stream] && last);
      if (consumed === 0) break;
      this.#consumed[stream] += consumed;
      this.#note();
    }
    spool.release(this.#consumed[stream]);
  }

  /** The number of bytes dealt with: 0 while a line has not ended, or the log cannot be written. */
  #append(output: Buffer, stream: LogStream, ended: boolean): number {
    if (this.#file === undefined) return output.length;
    const formatted = formatEntries(output, stream, realtimeNs(), ended);
    if (formatted.consumed === 0) return 0;
    try {
      const { entries, consumed } = this.#fitting(this.#file, formatted);
      this.#file.append(Buffer.from(entries, 'latin1'));
      return consumed;
    } catch (error) {
      return this.#postpone(stream, error);
    }
  }

  /** What of the entries has room in the log; where none has, in a new one. */
  #fitting(file: LogFile, formatted: Formatted): Formatted {
    const first = firstEntries(formatted, this.#maxBytes - file.size);
    if (this.#path === null || file.size === 0 || file.size + first.entries.length <= this.#maxBytes)
      return first;
    this.#file = new LogFile({ path: this.#path, root: this.#root }, true);
    file.close();
    this.#note();
    return firstEntries(formatted, this.#maxBytes);
  }

  /** A full disk must not stop the container: output waits in the spool, and beyond a bound the waiting is dropped. */
  #postpone(stream: LogStream, error: unknown): number {
    const waiting = this.#spools[stream].size - this.#consumed[stream];
    if (this.#retry === undefined) {
      this.#log.error('cannot write the log; output waits in memory', {
        path: this.#path,
        stream,
        waiting,
        error,
      });
      this.#retry = setTimeout(() => this.#tryAgain(), RETRY_MS);
    }
    if (waiting <= BACKLOG_BYTES) return 0;
    this.#log.error('output dropped: the log cannot be written', {
      path: this.#path,
      stream,
      bytes: waiting,
    });
    return waiting;
  }

  #tryAgain(): void {
    this.#retry = undefined;
    this.#write('stdout');
    this.#write('stderr');
  }

  #note(): void {
    const { inode = 0, size = 0 } = this.#file ?? {};
    this.#journal.write({ inode, size, consumed: this.#consumed });
  }
}

/** The log itself, or where rotation put it; undefined when it is gone. */
function fileWithInode(path: string, inode: number): string | undefined {
  const own = lstatSync(path, { throwIfNoEntry: false });
  return own?.ino === inode ? path : findRotated(path, inode);
}
