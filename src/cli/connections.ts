import type { Emit } from '../core/events.ts';
import type { RunStats } from '../faces/stats-text.ts';
import type { Connection } from '../host/transport/connection.ts';
import { openConnection, type ReadSecret, shareAmongConnections } from '../host/transport/open.ts';
import { addressBook } from '../inventory/address.ts';
import type { HostEntry } from '../profile/profile.ts';

export interface Connections extends AsyncDisposable {
  /** The connection to a host: made once, when first asked for. */
  readonly connect: (host: HostEntry) => Promise<Connection>;
  /** A new connection beside it, for the caller alone. */
  readonly reconnect: (host: HostEntry, signal: AbortSignal) => Promise<Connection>;
  /** What the connections cost so far. */
  stats(): Promise<RunStats['hosts']>;
}

/** Keeps the connections of one command; disposing closes them all. */
export const keepConnections = (options: {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly readSecret: ReadSecret;
}): Connections => {
  const opened = new Map<string, Promise<Connection>>();
  const addressOf = addressBook(options.signal);
  const sharing = shareAmongConnections();
  const open = async (host: HostEntry): Promise<Connection> =>
    openConnection(host, await addressOf(host), { ...options, sharing });
  const established = async (): Promise<Connection[]> =>
    (await Promise.allSettled(opened.values())).flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
  return {
    // Nothing is shown of it: the phases of the host go on.
    reconnect: async (host, signal) =>
      openConnection(host, await addressOf(host), { ...options, sharing, emit: () => {}, signal }),
    connect(host) {
      const connection = opened.get(host.name) ?? open(host);
      opened.set(host.name, connection);
      return connection;
    },
    stats: async () =>
      (await established()).map((connection) => ({
        host: connection.host,
        address: connection.address,
        connection: connection.stats(),
      })),
    async [Symbol.asyncDispose]() {
      await Promise.all((await established()).map((connection) => connection.close()));
      await sharing[Symbol.asyncDispose]();
    },
  };
};
