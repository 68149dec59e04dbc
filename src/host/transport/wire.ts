import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';

/** What an SSH connection runs over: a TCP socket, or a channel of a jump host. */
export type Wire = Duplex & { readonly bytesWritten: number; readonly bytesRead: number };

/** A forwarded channel as a wire: counts its bytes, and closes the channel when it is destroyed. */
export class ChannelWire extends Duplex {
  bytesWritten = 0;
  bytesRead = 0;
  readonly #channel: ClientChannel;

  constructor(channel: ClientChannel) {
    super();
    this.#channel = channel;
    channel.on('data', (chunk: Buffer) => {
      this.bytesRead += chunk.length;
      if (!this.push(chunk)) channel.pause();
    });
    channel.once('end', () => this.push(null));
    channel.once('close', () => this.destroy());
    channel.on('error', (error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.bytesWritten += chunk.length;
    this.#channel.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.close();
    done(error);
  }
}
