import { closeSync } from 'node:fs';
import { AGAIN } from '../../../linux/fds.ts';
import { type Watch, watch } from '../../../linux/poll.ts';
import type { LogStream } from '../log/format.ts';
import type { OutputLog } from '../log/output-log.ts';

/** A writer that outlived its container must not hold up the container's removal. */
const LAST_MOVES = 16;

/** Who is attached. */
export interface Sink {
  /** False: too much is waiting; the container's output rests until `Output.resume`. */
  write(stream: LogStream, bytes: Buffer): boolean;
}

export interface OutputParts {
  readonly log: OutputLog;
  readonly pipes: Readonly<Partial<Record<LogStream, number>>>;
  readonly onTrouble: (error: unknown) => void;
}

const RETRY_MS = 1000;

/**
 * After less than this, a pipe rests for a moment: a program that prints line by line would otherwise wake us for
 * each one, at fourteen times the CPU per byte. The first line is never late, and the pipe never fills meanwhile.
 */
const COALESCE_BYTES = 32 * 1024;
const COALESCE_MS = 1;

/** Pumps a container's output from its FIFOs to the log and to whoever is attached. Owns the descriptors. */
export class Output {
  readonly #log: OutputLog;
  readonly #pipes = new Map<LogStream, { readonly fd: number; readonly watch: Watch }>();
  readonly #sinks = new Set<Sink>();
  readonly #slow = new Set<Sink>();
  readonly #onEnd: () => void;
  readonly #onTrouble: (error: unknown) => void;
  /** Resolves when no process of the container has an output any more and the log has all of it. */
  readonly ended: Promise<void>;

  constructor({ log, pipes, onTrouble }: OutputParts) {
    this.#log = log;
    this.#onTrouble = onTrouble;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#onEnd = resolve;
    for (const [stream, fd] of Object.entries(pipes) as [LogStream, number][]) {
      this.#pipes.set(stream, { fd, watch: watch(fd, 'readable', () => this.#tryMove(stream, fd)) });
    }
  }

  /** Joins; the returned function leaves. */
  attach(sink: Sink): () => void {
    this.#sinks.add(sink);
    return () => {
      this.#sinks.delete(sink);
      this.resume(sink);
    };
  }

  /** The sink has room again, or has gone. */
  resume(sink: Sink): void {
    if (!this.#slow.delete(sink) || this.#slow.size > 0) return;
    for (const pipe of this.#pipes.values()) pipe.watch.resume();
  }

  /** Takes what is there now without waiting for the end; then it is over. */
  close(): void {
    for (const [stream, { fd }] of [...this.#pipes]) {
      for (let moves = 0; moves < LAST_MOVES && this.#pipes.has(stream); moves += 1) {
        if (this.#move(stream, fd) === AGAIN) break;
      }
      this.#end(stream);
    }
    this.#log.close();
  }

  /** A full tmpfs: the output stays in its pipe and the container waits, until there is room again. */
  #tryMove(stream: LogStream, fd: number): void {
    try {
      this.#move(stream, fd);
    } catch (error) {
      this.#onTrouble(error);
      this.#rest(stream, RETRY_MS);
    }
  }

  #rest(stream: LogStream, milliseconds: number): void {
    this.#pipes.get(stream)?.watch.pause();
    setTimeout(() => {
      if (this.#slow.size === 0) this.#pipes.get(stream)?.watch.resume();
    }, milliseconds);
  }

  #move(stream: LogStream, fd: number): number | typeof AGAIN {
    const moved = this.#log.receive(stream, fd);
    if (moved === AGAIN) return AGAIN;
    if (moved === 0) this.#end(stream);
    else this.#deliver(stream, moved);
    if (moved > 0 && moved < COALESCE_BYTES) this.#rest(stream, COALESCE_MS);
    return moved;
  }

  #deliver(stream: LogStream, moved: number): void {
    const bytes = this.#sinks.size > 0 ? this.#log.latest(stream, moved) : undefined;
    this.#log.commit(stream);
    if (bytes === undefined) return;
    for (const sink of this.#sinks) if (!sink.write(stream, bytes)) this.#slow.add(sink);
    if (this.#slow.size > 0) for (const pipe of this.#pipes.values()) pipe.watch.pause();
  }

  #end(stream: LogStream): void {
    const pipe = this.#pipes.get(stream);
    if (pipe === undefined) return;
    this.#pipes.delete(stream);
    pipe.watch.close();
    closeSync(pipe.fd);
    this.#log.finish(stream);
    if (this.#pipes.size === 0) this.#onEnd();
  }
}
