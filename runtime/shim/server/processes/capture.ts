import type { Readable } from 'node:stream';

export interface Captured {
  readonly bytes: Buffer;
  readonly truncated: boolean;
}

/** Collects a stream up to a limit. What comes beyond is read and dropped, so the writer never blocks. */
export class Capture {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #truncated = false;
  /** Resolves at the stream's end. */
  readonly ended: Promise<void>;

  constructor(stream: Readable, limitBytes: number) {
    this.#limit = limitBytes;
    stream.on('data', (chunk: Buffer) => this.#add(chunk));
    // An output that fails is one that ends.
    stream.on('error', () => {});
    this.ended = new Promise((resolve) => stream.once('close', () => resolve()));
  }

  #add(chunk: Buffer): void {
    const room = this.#limit - this.#length;
    if (chunk.length > room) this.#truncated = true;
    if (room <= 0) return;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#chunks.push(kept);
    this.#length += kept.length;
  }

  get result(): Captured {
    return { bytes: Buffer.concat(this.#chunks), truncated: this.#truncated };
  }
}
