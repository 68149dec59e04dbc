import type { Conduit } from '../../../runtime/ttrpc/conduit.ts';

/** Two ends: what goes into one comes out of the other, a tick later, as a socket would have it. */
export const conduitPair = (): readonly [Conduit, Conduit] => {
  const ends = [new End(), new End()] as const;
  ends[0].other = ends[1];
  ends[1].other = ends[0];
  return ends;
};

class End implements Conduit {
  other: End | undefined;
  #onBytes: (bytes: Buffer) => void = () => {};
  #onClosed: () => void = () => {};
  #closed = false;

  send(bytes: Buffer): void {
    if (!this.#closed) setImmediate(() => this.other?.receive(bytes));
  }

  listen(onBytes: (bytes: Buffer) => void, onClosed: () => void): void {
    this.#onBytes = onBytes;
    this.#onClosed = onClosed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
    this.other?.close();
  }

  receive(bytes: Buffer): void {
    if (!this.#closed) this.#onBytes(bytes);
  }
}
