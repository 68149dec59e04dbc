import type { Writable } from 'node:stream';
import { command, type Part } from './encode-work.ts';

/** Contents go in pieces of so many bytes. */
const bytesPerWrite = 256 * 1024;

export interface CommandStreamOptions {
  /** Aborted when nothing more needs to be sent, with the reason. */
  readonly over: AbortSignal;
  /** Told of each piece that goes out. */
  readonly onSend: () => void;
  /** How often the host hears from us while there is nothing to send. */
  readonly beatSeconds: number;
}

/** What the shell of an apply reads: commands, contents between them, and a sign of life where neither is due. */
export class CommandStream {
  readonly #stdin: Writable;
  readonly #options: CommandStreamOptions;
  readonly #beats: NodeJS.Timeout;
  /** In the middle of a part: a beat would become a part of it. */
  #isBusy = false;

  constructor(stdin: Writable, options: CommandStreamOptions) {
    this.#stdin = stdin;
    this.#options = options;
    this.#beats = setInterval(() => this.#beat(), options.beatSeconds * 1000);
  }

  /** Waits while the host has enough. `onBytes` is told of each piece of a content, in bytes of that content. */
  async send(part: Part, onBytes: (bytes: number) => void = () => {}): Promise<void> {
    this.#isBusy = true;
    try {
      if (typeof part === 'string') await this.#write(part);
      else await this.#sendContent(part, onBytes);
    } finally {
      this.#isBusy = false;
    }
  }

  end(): void {
    clearInterval(this.#beats);
    this.#stdin.end();
  }

  async #sendContent(part: Exclude<Part, string>, onBytes: (bytes: number) => void): Promise<void> {
    const { length } = part.bytes;
    // What is compressed on the way counts as what it will be.
    const bytesAt = (sent: number): number => Math.round((part.size * Math.min(sent, length)) / length);
    await this.#write(part.command);
    for (let done = 0; done < length; done += bytesPerWrite) {
      await this.#write(part.bytes.subarray(done, done + bytesPerWrite));
      onBytes(bytesAt(done + bytesPerWrite) - bytesAt(done));
    }
  }

  async #write(piece: string | Buffer): Promise<void> {
    const { over, onSend } = this.#options;
    over.throwIfAborted();
    onSend();
    if (this.#stdin.write(piece)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stdin.once('drain', resolve);
    over.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }

  #beat(): void {
    if (!this.#isBusy && this.#stdin.writable) this.#stdin.write(command('beat'));
  }
}
