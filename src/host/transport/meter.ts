import type { ConnectionStats } from './connection.ts';

/** Counts what a connection cost. A round trip is a wait for the other side before we can go on. */
export class Meter {
  #roundTrips = 0;
  #channels = 0;

  wait(count = 1): void {
    this.#roundTrips += count;
  }

  channel(): void {
    this.#channels += 1;
  }

  read(bytes: { readonly sent: number; readonly received: number }): ConnectionStats {
    return {
      roundTrips: this.#roundTrips,
      channels: this.#channels,
      bytesSent: bytes.sent,
      bytesReceived: bytes.received,
    };
  }
}
