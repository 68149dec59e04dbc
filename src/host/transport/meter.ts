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

  read(seen: {
    readonly sent: number;
    readonly received: number;
    readonly mostChannels: number;
  }): ConnectionStats {
    return {
      roundTrips: this.#roundTrips,
      channels: this.#channels,
      mostChannels: seen.mostChannels,
      bytesSent: seen.sent,
      bytesReceived: seen.received,
    };
  }
}
